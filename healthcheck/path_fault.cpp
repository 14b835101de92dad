#include "healthcheck/path_fault.hpp"

#include <cerrno>
#include <utility>

namespace pointsman {
namespace {

/// What the tunnel is for who filters packets, and for who sets up its far end.
struct TunnelWords {
    std::string filter;
    std::string device;
};

TunnelWords tunnel_words(Service const& service, Address const& backend) {
    bool const inner_v6 = !service.address.is_v4();
    if (service.forward == Forward::gue)
        return {"UDP port " + std::to_string(service.gue_port),
                "`ip fou add port " + std::to_string(service.gue_port) + " gue`, and the tunnel device"};
    auto const device = !backend.is_v4() ? "ip6tnl0" : inner_v6 ? "sit0" : "tunl0";
    return {std::string{"IP protocol "} + (inner_v6 ? "41" : "4"),
            std::string{"the tunnel device (ip link set "} + device + " up)"};
}

} // namespace

std::string_view name_of(PathFault fault) noexcept {
    switch (fault) {
    case PathFault::backend: return "backend";
    case PathFault::path: return "path";
    case PathFault::unknown: return "unknown";
    }
    std::unreachable();
}

PathFault path_fault(Outcome const& direct) noexcept {
    if (direct.code == OutcomeCode::OWN) return PathFault::unknown;
    return direct.passed() ? PathFault::path : PathFault::backend;
}

std::string path_fault_text(Service const& service, ProbeTarget const& target, Outcome const& on_way) {
    auto const vip = service.address.text();
    std::string text = target.backend.service + "/" + target.backend.backend +
                       ": direct probe passes, path probe fails (" + std::string{name_of(on_way.code)} +
                       "): it serves at " + target.address.text() + " but not at " + vip + "; ";
    if (on_way.error == ECONNREFUSED)
        return text + "its server does not listen there: bind it to " + vip + " or to all addresses";
    text += "on the backend, look for " + vip + " on lo";
    if (service.forward == Forward::dsr)
        return text + ", and for a firewall or rp_filter that drops packets to or answers from it";
    auto const words = tunnel_words(service, target.address);
    return text + ", " + words.device + ", its rp_filter (0), and a firewall that drops " + words.filter;
}

} // namespace pointsman
