#pragma once

#include "controller/datapath/abi.hpp"

#include <map>
#include <span>
#include <string>
#include <vector>

namespace pointsman {

class Daemon;

/// The name for packets whose interface is none of ours any more, or was made anew since.
inline constexpr char const* other_interfaces = "(other)";

/// What became of the packets that came by one interface.
struct InterfaceCounts {
    std::string name;
    pm_counters counters{};
};

/// Pure. Each slot's counts under the name of its interface, and all the rest as other_interfaces, which
/// comes last: together they are exactly `by_slot`.
/// @param by_slot totals_by_link; @param slots pm_links of the active generation; @param names by ifindex.
[[nodiscard]] std::vector<InterfaceCounts>
interface_counts(std::span<pm_counters const> by_slot, std::span<pm_link const> slots,
                 std::map<std::uint32_t, std::string> const& names);

/// Of the running datapath.
[[nodiscard]] std::vector<InterfaceCounts> interface_counts(Daemon& daemon);

/// Of all interfaces together.
[[nodiscard]] pm_counters total_of(std::vector<InterfaceCounts> const& interfaces);

} // namespace pointsman
