#include "controller/config/host.hpp"

#include "controller/config/problems.hpp"
#include "controller/config/suggest.hpp"

#include <algorithm>
#include <fstream>
#include <memory>
#include <net/if.h>

namespace pointsman {
namespace {

std::string range(unsigned first, unsigned last) {
    return std::to_string(first) + "-" + std::to_string(last);
}

std::string free_ports_hint(HostFacts const& host) {
    unsigned const below = host.ephemeral_first;
    if (below > 2048) return "use \"" + range(1024, below - 1) + "\" or change net.ipv4.ip_local_port_range";
    unsigned const above = host.ephemeral_last;
    if (above < 64000)
        return "use \"" + range(above + 1, 65535) + "\" or change net.ipv4.ip_local_port_range";
    return "narrow net.ipv4.ip_local_port_range to leave room for it";
}

void check_nat_ports(DatapathOptions const& datapath, SourceMap const& places, HostFacts const& host,
                     Problems& problems) {
    bool const known = host.ephemeral_first != 0 && host.ephemeral_last != 0;
    bool const meet =
        datapath.nat_port_first <= host.ephemeral_last && datapath.nat_port_last >= host.ephemeral_first;
    if (!known || !meet) return;
    bool const given = places.keys.contains("datapath.nat_ports");
    problems.error(places.value_at("datapath.nat_ports"),
                   std::string{"nat_ports "} + (given ? "" : "(by default ") +
                       range(datapath.nat_port_first, datapath.nat_port_last) + (given ? "" : ")") +
                       " meets this host's ephemeral range " +
                       range(host.ephemeral_first, host.ephemeral_last),
                   free_ports_hint(host));
}

void check_interfaces(DatapathOptions const& datapath, SourceMap const& places, HostFacts const& host,
                      Problems& problems) {
    if (host.interfaces.empty()) return;
    std::vector<std::string_view> const present{host.interfaces.begin(), host.interfaces.end()};
    for (std::size_t i = 0; i < datapath.interfaces.size(); ++i) {
        auto const& name = datapath.interfaces[i];
        if (std::ranges::count(present, name) > 0) continue;
        auto const suggestion = nearest(name, present);
        problems.warning(places.value_at("datapath.interfaces[" + std::to_string(i) + "]"),
                         "this host has no interface `" + name + "`",
                         suggestion.empty() ? "" : "did you mean \"" + std::string{suggestion} + "\"?");
    }
}

struct FreeNames {
    void operator()(struct if_nameindex* names) const { if_freenameindex(names); }
};

} // namespace

HostFacts read_host_facts() {
    HostFacts facts;
    std::ifstream in{"/proc/sys/net/ipv4/ip_local_port_range"};
    if (std::uint16_t first = 0, last = 0; in >> first >> last) {
        facts.ephemeral_first = first;
        facts.ephemeral_last = last;
    }
    std::unique_ptr<struct if_nameindex, FreeNames> const names{::if_nameindex()};
    for (auto const* each = names.get(); each != nullptr && each->if_index != 0; ++each)
        facts.interfaces.emplace_back(each->if_name);
    return facts;
}

std::vector<Diagnostic> check_against_host(DesiredState const& state, SourceMap const& places,
                                           HostFacts const& host) {
    Problems problems{places.file};
    check_nat_ports(state.datapath, places, host, problems);
    check_interfaces(state.datapath, places, host, problems);
    return problems.sorted();
}

} // namespace pointsman
