#pragma once

#include "controller/model/desired_state.hpp"
#include "controller/model/state.hpp"
#include "healthcheck/outcome.hpp"

#include <cstdint>
#include <limits>
#include <optional>

namespace pointsman {

/// All that is remembered of a backend's health between two probes.
struct HealthState {
    MeasuredState state = MeasuredState::unknown;
    unsigned passed_in_row = 0; ///< since the last failed probe; stays at its maximum
    unsigned failed_in_row = 0; ///< since the last passed probe; stays at its maximum
    bool suspect = false;       ///< up, and passive evidence came after the last passed probe

    friend constexpr bool operator==(HealthState const&, HealthState const&) = default;
};

struct Transition {
    MeasuredState was = MeasuredState::unknown;
    MeasuredState now = MeasuredState::unknown;

    friend constexpr bool operator==(Transition const&, Transition const&) = default;
};

struct Step {
    HealthState state;
    std::optional<Transition> transition;

    friend constexpr bool operator==(Step const&, Step const&) = default;
};

/// How densely probes follow each other.
enum class Pace : std::uint8_t { steady, fast, down };

namespace detail {

[[nodiscard]] constexpr unsigned one_more(unsigned count) noexcept {
    return count == std::numeric_limits<unsigned>::max() ? count : count + 1;
}

[[nodiscard]] constexpr Step move_to(HealthState state, MeasuredState now) noexcept {
    Transition const transition{state.state, now};
    state.state = now;
    return {state, transition};
}

} // namespace detail

/// Pure. The first outcome decides at once; later ones only after `rise`/`fall` in a row. A passed probe
/// clears suspicion. OWN changes nothing.
[[nodiscard]] constexpr Step on_outcome(HealthState state, OutcomeCode code,
                                        HealthPolicy const& policy) noexcept {
    if (code == OutcomeCode::OWN) return {state, std::nullopt};
    bool const first = state.state == MeasuredState::unknown;
    if (passed(code)) {
        state.passed_in_row = detail::one_more(state.passed_in_row);
        state.failed_in_row = 0;
        state.suspect = false;
        bool const risen = state.state == MeasuredState::down && state.passed_in_row >= policy.rise;
        return first || risen ? detail::move_to(state, MeasuredState::up) : Step{state, std::nullopt};
    }
    state.failed_in_row = detail::one_more(state.failed_in_row);
    state.passed_in_row = 0;
    bool const fallen = state.state == MeasuredState::up && state.failed_in_row >= policy.fall;
    if (!first && !fallen) return {state, std::nullopt};
    state.suspect = false;
    return detail::move_to(state, MeasuredState::down);
}

/// Pure. Passive evidence asks, it does not judge: a backend that is up becomes suspect, any other stays as
/// it is.
[[nodiscard]] constexpr HealthState on_evidence(HealthState state) noexcept {
    state.suspect = state.suspect || state.state == MeasuredState::up;
    return state;
}

/// Pure. Fast while the next outcomes decide something: unknown, suspect, failing while up, passing while
/// down.
[[nodiscard]] constexpr Pace pace_of(HealthState const& state) noexcept {
    switch (state.state) {
    case MeasuredState::unknown: return Pace::fast;
    case MeasuredState::up: return state.suspect || state.failed_in_row > 0 ? Pace::fast : Pace::steady;
    case MeasuredState::down: break;
    }
    return state.passed_in_row > 0 ? Pace::fast : Pace::down;
}

/// Pure. From the start of the probe that led to `state` to the start of the next one.
[[nodiscard]] constexpr Duration next_interval(HealthState const& state,
                                               HealthPolicy const& policy) noexcept {
    switch (pace_of(state)) {
    case Pace::steady: return policy.interval;
    case Pace::fast: return policy.fast_interval;
    case Pace::down: break;
    }
    return policy.down_interval;
}

} // namespace pointsman
