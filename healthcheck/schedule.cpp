#include "healthcheck/schedule.hpp"

#include <algorithm>
#include <bit>

namespace pointsman {

using namespace std::chrono_literals;
using TimePoint = std::chrono::steady_clock::time_point;

namespace {

constexpr std::size_t started_at_once = 8;
constexpr Duration shortest_spread = 200ms;
constexpr Duration spread_share = 50us; ///< of each of very many
constexpr Duration stall_tolerance = 50ms;
constexpr Duration punctual = 10ms; ///< after a deadline
constexpr std::size_t sharing_a_moment = 8;
constexpr std::size_t fewest_moments = 16; ///< in an interval
constexpr std::size_t most_moments = 256;
constexpr Duration longest_divided = 1024ms; ///< moments of longer intervals are as close as this one's
constexpr std::size_t most_overlapping = 8;
constexpr int overdue_share = 4; ///< of the timeout

bool timed_out(OutcomeCode code) noexcept {
    return code == OutcomeCode::L4TOUT || code == OutcomeCode::L6TOUT || code == OutcomeCode::L7TOUT;
}

/// Failed probes that a verdict takes.
unsigned wanted_failures(HealthPolicy const& policy) noexcept {
    return policy.window ? policy.window->failures : policy.fall;
}

/// Failed probes until the verdict, if all fail from now on.
std::size_t missing_failures(HealthState const& state, HealthPolicy const& policy) noexcept {
    auto const wanted = wanted_failures(policy);
    auto const counted =
        policy.window ? static_cast<unsigned>(std::popcount(state.history)) : state.failed_in_row;
    return std::clamp<std::size_t>(wanted > counted ? wanted - counted : 1, 1, most_overlapping);
}

Duration scaled(Duration duration, double factor) noexcept {
    return Duration{static_cast<Duration::rep>(static_cast<double>(duration.count()) * factor)};
}

} // namespace

Duration jittered(Duration interval, double random) noexcept {
    return scaled(interval, 0.9 + 0.2 * random);
}

Duration next_delay(HealthState const& state, HealthPolicy const& policy, double random) noexcept {
    auto const interval = next_interval(state, policy);
    auto const pace = pace_of(state);
    return pace == Pace::fast || pace == Pace::hurried ? interval : jittered(interval, random);
}

TimePoint shared_moment(TimePoint due, Duration interval, std::size_t targets) noexcept {
    auto const wanted = std::clamp(targets / sharing_a_moment, fewest_moments, most_moments);
    auto const moments =
        static_cast<Duration::rep>(std::bit_ceil(wanted)); // those of fewer targets among them
    auto const apart = std::min(interval, longest_divided) / moments;
    if (apart <= Duration::zero()) return due;
    auto const beyond = due.time_since_epoch() % apart;
    return beyond < apart - beyond ? due - beyond : due + (apart - beyond);
}

Duration second_delay(Duration interval, double random) noexcept {
    return scaled(interval, 1 - 0.9 * random);
}

bool are_many(std::size_t count) noexcept {
    return count > started_at_once;
}

Duration first_delay(std::size_t index, std::size_t count, Duration interval) noexcept {
    if (!are_many(count)) return Duration::zero();
    auto const spread = std::max(shortest_spread, spread_share * static_cast<Duration::rep>(count));
    return scaled(std::min(interval, spread), static_cast<double>(index) / static_cast<double>(count));
}

bool replaces_probe(TimePoint handshake, TimePoint last_started, TimePoint now, HealthState const& state,
                    HealthPolicy const& policy) noexcept {
    bool const certain = state.state == MeasuredState::up && pace_of(state) == Pace::steady;
    return policy.passive == Passive::replace && certain && handshake > last_started &&
           now - handshake < policy.interval;
}

bool answers_evidence(TimePoint last_started, TimePoint now, HealthPolicy const& policy) noexcept {
    return now - last_started < policy.fast_interval / 2;
}

TimePoint evidence_start(Evidence kind, TimePoint last_started, TimePoint before_last,
                         HealthPolicy const& policy) noexcept {
    auto const usual = last_started + policy.fast_interval;
    if (kind != Evidence::refused) return usual;
    auto const soonest =
        std::max(last_started + hurried_interval(policy), before_last + policy.fast_interval);
    return std::min(usual, soonest);
}

std::optional<TimePoint> next_start(HealthState const& state, HealthPolicy const& policy,
                                    Flights const& flights, TimePoint due) noexcept {
    if (flights.count == 0) return due;
    // A refused client asks what probes that wait for an answer cannot tell.
    auto const most = state.refused ? most_overlapping : missing_failures(state, policy);
    if (!works(state.state) || flights.in_line || flights.count >= most) return std::nullopt;
    auto const pause = state.hurried ? hurried_interval(policy) : policy.fast_interval;
    auto const follows = flights.newest + pause;
    if (pace_of(state) != Pace::steady) return follows;
    return std::max(follows, flights.oldest + policy.timeout / overdue_share);
}

bool is_stale(NewestStarts const& newest, TimePoint started, bool passed,
              HealthPolicy const& policy) noexcept {
    if (passed) return newest.failed && *newest.failed > started;
    return !policy.window && newest.passed && *newest.passed > started;
}

bool stalled(TimePoint planned, TimePoint actual, HealthPolicy const& policy, bool overlapped) noexcept {
    auto tolerance = std::max(stall_tolerance, policy.timeout / 2);
    // Overlapping ones end a fast interval apart: a stall this long ends fewer of them than a verdict takes.
    auto const wanted = wanted_failures(policy);
    if (overlapped && wanted > 1)
        tolerance = std::min(tolerance, policy.fast_interval * (wanted - 1) * 4 / 5);
    return actual - planned > tolerance;
}

bool is_doubtful(OutcomeCode code, Duration late, HealthState const& state) noexcept {
    return timed_out(code) && late > punctual && state.state != MeasuredState::down;
}

unsigned most_doubtful(HealthPolicy const& policy) noexcept {
    return wanted_failures(policy);
}

} // namespace pointsman
