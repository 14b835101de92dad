#pragma once

#include "tests/datapath/scene.hpp"

#include <functional>
#include <optional>
#include <string>

namespace pointsman::test {

/// One rule of the datapath: a packet, what came before it, and the verdict it must meet.
struct PacketCase {
    std::string name;
    std::uint32_t verdict;                ///< enum pm_verdict
    std::function<Frame(Scene&)> arrange; ///< prepares the scene and returns the packet
    /// What leaves when the verdict forwards; what passes is always compared with what came in.
    std::function<Frame(Scene&, Packet const& sent)> leaves{};
    bool few_ports = false;     ///< on a datapath with few_ports_options()
    std::optional<Hook> only{}; ///< the other hook has a rule of its own
    Arrival arrival{};
    bool is_never_summed = false; ///< a test run cannot keep the NIC's sum of this one
};

using PacketCases = std::vector<PacketCase>;

[[nodiscard]] PacketCases passing_cases();
[[nodiscard]] PacketCases malformed_cases();
[[nodiscard]] PacketCases dropping_cases();
[[nodiscard]] PacketCases forwarding_cases();
[[nodiscard]] PacketCases way_cases();
[[nodiscard]] PacketCases vlan_cases();
[[nodiscard]] PacketCases header_cases();
[[nodiscard]] PacketCases source_cases();
[[nodiscard]] PacketCases fragment_cases();
[[nodiscard]] PacketCases checksum_cases();
[[nodiscard]] PacketCases icmp_error_cases();
[[nodiscard]] PacketCases ping_cases();
[[nodiscard]] PacketCases too_big_cases();
[[nodiscard]] PacketCases mss_cases();
[[nodiscard]] PacketCases traffic_class_cases();

/// All of the above.
[[nodiscard]] PacketCases all_packet_cases();

/// As small_options(), with NAT ports 40000 to 40003.
[[nodiscard]] DatapathOptions few_ports_options();

/// One that tests share, like shared_datapath().
[[nodiscard]] Datapath& few_ports_datapath();

} // namespace pointsman::test
