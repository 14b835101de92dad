#pragma once

#include "controller/model/desired_state.hpp"
#include "controller/model/state.hpp"
#include "healthcheck/outcome.hpp"
#include "healthcheck/wishes.hpp"

#include <bit>
#include <cstdint>
#include <limits>
#include <optional>

namespace pointsman {

/// All that is remembered of a backend's health between two probes.
struct HealthState {
    MeasuredState state = MeasuredState::unknown;
    unsigned passed_in_row = 0; ///< since the last failed probe; stays at its maximum
    unsigned failed_in_row = 0; ///< since the last passed probe; stays at its maximum
    bool suspect = false;       ///< works, and passive evidence came after the last passed probe
    bool refused = false;       ///< suspect, and a client was answered with RST
    bool hurried = false;       ///< refused, and the last probe was turned away: two witnesses of one cause
    std::uint32_t history = 0;  ///< the window since the last move: newest outcome in bit 0, 1 a failed one
    Wishes wishes{};            ///< by the last outcome

    friend constexpr bool operator==(HealthState const&, HealthState const&) = default;
};

/// What outlives a change of the policy that the rows were counted by.
[[nodiscard]] constexpr HealthState without_rows(HealthState const& state) noexcept {
    return {.state = state.state, .wishes = state.wishes};
}

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

/// Passive evidence, by what a probe can do about it.
enum class Evidence : std::uint8_t {
    general, ///< anything that asks for a probe
    refused, ///< the backend's host answered a client with RST: a probe of a dead process is turned away too
};

/// How densely probes follow each other.
enum class Pace : std::uint8_t { steady, fast, hurried, down };

namespace detail {

[[nodiscard]] constexpr unsigned one_more(unsigned count) noexcept {
    return count == std::numeric_limits<unsigned>::max() ? count : count + 1;
}

[[nodiscard]] constexpr HealthState unsuspected(HealthState state) noexcept {
    state.suspect = state.refused = state.hurried = false;
    return state;
}

[[nodiscard]] constexpr Step move_to(HealthState state, MeasuredState now) noexcept {
    Transition const transition{state.state, now};
    state.state = now;
    state.history = 0;
    return {unsuspected(state), transition};
}

[[nodiscard]] constexpr std::uint32_t newest(std::uint32_t history, unsigned count) noexcept {
    return count >= 32 ? history : history & ((1U << count) - 1);
}

[[nodiscard]] constexpr bool has_fallen(HealthState const& state, HealthPolicy const& policy) noexcept {
    if (!policy.window) return state.failed_in_row >= policy.fall;
    return static_cast<unsigned>(std::popcount(state.history)) >= policy.window->failures;
}

/// What a probe meets at a process that is dying or dead: refused, or accepted and cut off before an answer.
[[nodiscard]] constexpr bool turned_away(OutcomeCode code) noexcept {
    return code == OutcomeCode::L4CON || code == OutcomeCode::L7RSP;
}

/// Rows of outcomes mean nothing while it rests.
[[nodiscard]] constexpr Step rest(HealthState state) noexcept {
    state.passed_in_row = state.failed_in_row = 0;
    if (state.state != MeasuredState::resting) return move_to(state, MeasuredState::resting);
    return {state, std::nullopt};
}

[[nodiscard]] constexpr Step on_passed(HealthState state, MeasuredState now,
                                       HealthPolicy const& policy) noexcept {
    state.passed_in_row = one_more(state.passed_in_row);
    state.failed_in_row = 0;
    state = unsuspected(state);
    bool const waits = state.state == MeasuredState::down && state.passed_in_row < policy.rise;
    return state.state == now || waits ? Step{state, std::nullopt} : move_to(state, now);
}

} // namespace detail

/// Pure. The first outcome decides at once. Later ones do after `rise` passed or `fall` failed in a row or,
/// with a window, after so many failed among the newest. A passed probe clears suspicion. What the backend
/// wishes by its answer counts at once: to drain while it works, to rest in any case. When it rests no more,
/// the outcome that says so decides like a first one. OWN changes nothing.
[[nodiscard]] constexpr Step on_outcome(HealthState state, OutcomeCode code, HealthPolicy const& policy,
                                        Wishes const& wishes = {}) noexcept {
    if (code == OutcomeCode::OWN) return {state, std::nullopt};
    state.wishes = wishes;
    if (wishes.state == AdminState::maint) return detail::rest(state);
    bool const pass = passed(code);
    bool const drain = wishes.state == AdminState::drain;
    if (policy.window)
        state.history = detail::newest(state.history << 1 | (pass ? 0U : 1U), policy.window->of);
    if (pass) return detail::on_passed(state, drain ? MeasuredState::draining : MeasuredState::up, policy);
    state.failed_in_row = detail::one_more(state.failed_in_row);
    state.passed_in_row = 0;
    state.hurried = state.refused && detail::turned_away(code);
    bool const first = state.state == MeasuredState::unknown || state.state == MeasuredState::resting;
    bool const fallen = works(state.state) && detail::has_fallen(state, policy);
    return first || fallen ? detail::move_to(state, MeasuredState::down) : Step{state, std::nullopt};
}

/// Pure. Passive evidence asks, it does not judge: a backend that works becomes suspect, any other stays as
/// it is.
[[nodiscard]] constexpr HealthState on_evidence(HealthState state,
                                                Evidence kind = Evidence::general) noexcept {
    if (!works(state.state)) return state;
    state.suspect = true;
    state.refused = state.refused || kind == Evidence::refused;
    return state;
}

/// Pure. Fast while the next outcomes decide something: unknown, suspect, failing while it works, passing
/// while down. Never so while it rests: it decides itself when it comes back. Hurried when a client and a
/// probe were turned away alike, so that little is left to ask.
[[nodiscard]] constexpr Pace pace_of(HealthState const& state) noexcept {
    if (state.state == MeasuredState::unknown) return Pace::fast;
    if (state.state == MeasuredState::resting) return Pace::steady;
    if (state.state == MeasuredState::down) return state.passed_in_row > 0 ? Pace::fast : Pace::down;
    if (state.hurried) return Pace::hurried;
    return state.suspect || state.failed_in_row > 0 || state.history != 0 ? Pace::fast : Pace::steady;
}

/// Pure. Between confirmations of what a client has met too: a fifth of fast_interval, 1 ms at least.
[[nodiscard]] constexpr Duration hurried_interval(HealthPolicy const& policy) noexcept {
    constexpr Duration shortest = std::chrono::milliseconds{1};
    auto const fifth = policy.fast_interval / 5;
    return fifth < shortest ? shortest : fifth;
}

/// Pure. From the start of the probe that led to `state` to the start of the next one.
[[nodiscard]] constexpr Duration next_interval(HealthState const& state,
                                               HealthPolicy const& policy) noexcept {
    switch (pace_of(state)) {
    case Pace::steady: return policy.interval;
    case Pace::fast: return policy.fast_interval;
    case Pace::hurried: return hurried_interval(policy);
    case Pace::down: break;
    }
    return policy.down_interval;
}

} // namespace pointsman
