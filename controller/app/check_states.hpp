#pragma once

#include "healthcheck/state_machine.hpp"

#include <map>
#include <optional>
#include <string>

namespace pointsman {

/// What is known of a backend's checks, by the backend's names for them. Those that are unknown are absent.
using CheckStates = std::map<std::string, HealthState>;

/// Pure. The state of what is in `a` and in `b` at once: from the worst, down, unknown, draining, up.
[[nodiscard]] constexpr MeasuredState worse(MeasuredState a, MeasuredState b) noexcept {
    for (auto const state : {MeasuredState::down, MeasuredState::unknown, MeasuredState::draining})
        if (a == state || b == state) return state;
    return MeasuredState::up;
}

/// Pure. A backend is down as soon as one of its checks is, works while all of them do, and is draining then
/// if one asks for it; without any it is unknown.
[[nodiscard]] inline MeasuredState conjunction(CheckStates const& checks) noexcept {
    std::optional<MeasuredState> all;
    for (auto const& [name, health] : checks)
        all = worse(all.value_or(health.state), health.state);
    return all.value_or(MeasuredState::unknown);
}

} // namespace pointsman
