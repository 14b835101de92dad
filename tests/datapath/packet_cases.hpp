#pragma once

#include "tests/datapath/scene.hpp"

#include <span>

namespace pointsman::test {

/// One rule of the datapath: a packet, what came before it, and the verdict it must meet.
struct PacketCase {
    char const* name;
    std::uint32_t verdict;    ///< enum pm_verdict
    Frame (*arrange)(Scene&); ///< prepares the scene and returns the packet
    /// What leaves when the verdict forwards; what passes is always compared with what came in.
    Frame (*leaves)(Scene&, Packet const& sent) = nullptr;
    bool few_ports = false; ///< on a datapath with few_ports_options()
};

[[nodiscard]] std::span<PacketCase const> passing_cases();
[[nodiscard]] std::span<PacketCase const> malformed_cases();
[[nodiscard]] std::span<PacketCase const> dropping_cases();
[[nodiscard]] std::span<PacketCase const> forwarding_cases();

/// All of the above.
[[nodiscard]] std::vector<PacketCase> all_packet_cases();

/// As small_options(), with NAT ports 40000 to 40003.
[[nodiscard]] DatapathOptions few_ports_options();

/// One that tests share, like shared_datapath().
[[nodiscard]] Datapath& few_ports_datapath();

} // namespace pointsman::test
