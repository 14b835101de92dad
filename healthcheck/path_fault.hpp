#pragma once

#include "healthcheck/outcome.hpp"
#include "healthcheck/probe.hpp"

#include <string>
#include <string_view>

namespace pointsman {

/// Where the fault is when a probe failed on its service's way, by what a direct one then found.
enum class PathFault : std::uint8_t {
    backend, ///< it failed as well
    path,    ///< it passed: the backend serves, and its clients are not served
    unknown, ///< it could not be made
};

[[nodiscard]] std::string_view name_of(PathFault fault) noexcept;

/// What was found out about a check that failed on its service's way.
struct PathFinding {
    std::string check; ///< its name
    PathFault fault = PathFault::unknown;
    Outcome direct;   ///< of the direct probe
    std::string text; ///< path_fault_text() where the path is at fault
};

/// Pure. Asked only after `on_way` failed.
[[nodiscard]] PathFault path_fault(Outcome const& direct) noexcept;

/// Pure. One sentence for whoever has to act on PathFault::path: what failed, and what to look at on the
/// backend. `target` is the one on the service's way.
[[nodiscard]] std::string path_fault_text(Service const& service, ProbeTarget const& target,
                                          Outcome const& on_way);

} // namespace pointsman
