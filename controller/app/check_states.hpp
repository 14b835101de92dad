#pragma once

#include "healthcheck/state_machine.hpp"

#include <map>
#include <optional>
#include <string>

namespace pointsman {

/// What is known of a backend's checks, by the backend's names for them. Those that are unknown are absent.
using CheckStates = std::map<std::string, HealthState>;

/// Pure. The state of what is in `a` and in `b` at once: what comes first of resting, down, unknown,
/// draining, up. Whoever asked for maintenance may well be down.
[[nodiscard]] constexpr MeasuredState worse(MeasuredState a, MeasuredState b) noexcept {
    using enum MeasuredState;
    for (auto const state : {resting, down, unknown, draining})
        if (a == state || b == state) return state;
    return up;
}

/// Pure. A backend rests as soon as one of its checks asks for it, is down as soon as one is, works while all
/// of them do, and is draining then if one asks for it; without any it is unknown.
[[nodiscard]] inline MeasuredState conjunction(CheckStates const& checks) noexcept {
    std::optional<MeasuredState> all;
    for (auto const& [name, health] : checks)
        all = worse(all.value_or(health.state), health.state);
    return all.value_or(MeasuredState::unknown);
}

} // namespace pointsman
