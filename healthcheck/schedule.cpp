#include "healthcheck/schedule.hpp"

#include <algorithm>

namespace pointsman {

using namespace std::chrono_literals;
using TimePoint = std::chrono::steady_clock::time_point;

namespace {

constexpr std::size_t started_at_once = 8;
constexpr Duration longest_spread = 200ms;
constexpr Duration stall_tolerance = 50ms;
constexpr int moments_in_interval = 64;
constexpr Duration coarsest_moment = 16ms;

Duration scaled(Duration duration, double factor) noexcept {
    return Duration{static_cast<Duration::rep>(static_cast<double>(duration.count()) * factor)};
}

} // namespace

Duration jittered(Duration interval, double random) noexcept {
    return scaled(interval, 0.9 + 0.2 * random);
}

Duration next_delay(HealthState const& state, HealthPolicy const& policy, double random) noexcept {
    auto const interval = next_interval(state, policy);
    return pace_of(state) == Pace::fast ? interval : jittered(interval, random);
}

TimePoint shared_moment(TimePoint due, Duration interval) noexcept {
    auto const grid = std::min(interval / moments_in_interval, coarsest_moment);
    if (grid <= Duration::zero()) return due;
    auto const beyond = due.time_since_epoch() % grid;
    return beyond == Duration::zero() ? due : due + (grid - beyond);
}

Duration first_delay(std::size_t index, std::size_t count, Duration interval) noexcept {
    if (count <= started_at_once) return Duration::zero();
    return scaled(std::min(interval, longest_spread),
                  static_cast<double>(index) / static_cast<double>(count));
}

bool answers_evidence(TimePoint last_started, TimePoint now, HealthPolicy const& policy) noexcept {
    return now - last_started < policy.fast_interval / 2;
}

bool stalled(TimePoint planned, TimePoint actual, HealthPolicy const& policy) noexcept {
    return actual - planned > std::max(stall_tolerance, policy.timeout / 2);
}

} // namespace pointsman
