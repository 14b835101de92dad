#pragma once

#include "controller/config/diagnostic.hpp"
#include "controller/config/source_map.hpp"
#include "controller/model/desired_state.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace pointsman {

/// What of this host a configuration depends on.
struct HostFacts {
    std::uint16_t ephemeral_first = 0; ///< net.ipv4.ip_local_port_range; 0: unknown
    std::uint16_t ephemeral_last = 0;
    std::vector<std::string> interfaces; ///< of this network namespace; empty: unknown
};

/// Never fails: what cannot be read stays unknown.
[[nodiscard]] HostFacts read_host_facts();

/// Pure. Whether this host can run a valid configuration; sorted by place. A missing interface is a warning
/// here, since a file may be checked on another machine.
[[nodiscard]] std::vector<Diagnostic> check_against_host(DesiredState const& state, SourceMap const& places,
                                                         HostFacts const& host);

} // namespace pointsman
