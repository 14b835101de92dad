#pragma once

#include <cstdint>
#include <string>

namespace pointsman {

/// The XDP program on an interface: its name, "program 17" when we may not ask for it, empty when there is
/// none.
[[nodiscard]] std::string xdp_occupant(std::uint32_t ifindex);

/// The name that our own XDP program has in the kernel.
inline constexpr char const* own_xdp_program = "pm_xdp";

} // namespace pointsman
