#include "controller/app/own_faults.hpp"

#include "controller/api/text_escape.hpp"
#include "controller/model/names.hpp"

#include <cerrno>
#include <cstring>

namespace pointsman {
namespace {

std::string remedy_of(Outcome const& outcome, std::string_view because) {
    if (because == "no_descriptors")
        return outcome.error == ENFILE
                   ? "raise fs.file-max of this host"
                   : "raise LimitNOFILE= of pointsman.service (`prlimit --nofile` for the "
                     "running process)";
    if (because == "no_ports")
        return "widen net.ipv4.ip_local_port_range beside datapath.nat_ports, or find who holds the ports "
               "(`ss -tan`)";
    if (!outcome.text.empty()) return "correct its check";
    switch (outcome.error) {
    case EACCES:
    case EPERM: return "let probes out of this host's firewall and past its prohibiting routes";
    case ENETDOWN: return "set the interface up that leads there";
    case EAFNOSUPPORT: return "switch IPv6 on, or take the backend out";
    default: return "raise the limits of this host";
    }
}

} // namespace

std::string_view own_fault_of(Outcome const& outcome) noexcept {
    if (!outcome.text.empty()) return "own_fault";
    switch (outcome.error) {
    case 0: return "stood_still";
    case EMFILE:
    case ENFILE: return "no_descriptors";
    case EADDRNOTAVAIL: return "no_ports";
    default: return "own_fault";
    }
}

Alarm alarm_of_own_fault(ProbeTarget const& target, Outcome const& outcome) {
    auto const because = own_fault_of(outcome);
    auto const cause = !outcome.text.empty()         ? escape_octets(outcome.text)
                       : because == "no_descriptors" ? std::string{"no file descriptor is left"}
                       : because == "no_ports"       ? std::string{"no local port is free towards it"}
                                                     : std::string{std::strerror(outcome.error)};
    return {std::string{because},
            "a probe of " + endpoint_text(target.address, target.port) + " could not be made (" + cause +
                "): no backend is judged by it; " + remedy_of(outcome, because),
            outcome.error};
}

} // namespace pointsman
