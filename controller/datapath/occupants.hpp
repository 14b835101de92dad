#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pointsman {

// BPF programs on an interface, whoever put them there: their names, or "program 17" when we may not ask for
// it.

/// The XDP program; empty when there is none.
[[nodiscard]] std::string xdp_occupant(std::uint32_t ifindex);

/// The tcx programs on ingress, in the order in which they see packets. Empty on kernels without tcx; filters
/// of a clsact queueing discipline are not among them.
[[nodiscard]] std::vector<std::string> tcx_occupants(std::uint32_t ifindex);

// The names that our own programs have in the kernel.
inline constexpr char const* own_xdp_program = "pm_xdp";
inline constexpr char const* own_tc_program = "pm_tc";
inline constexpr char const* own_program_behind = "pm_tc_behind"; ///< behind generic XDP
inline constexpr char const* own_probe_program = "pm_probe_in";

} // namespace pointsman
