#pragma once

#include "healthcheck/state_machine.hpp"

#include <chrono>
#include <cstddef>
#include <optional>

namespace pointsman {

/// Pure. `interval` by up to 10 % shorter or longer, so that probes of many backends drift apart. `random` is
/// in [0, 1).
[[nodiscard]] Duration jittered(Duration interval, double random) noexcept;

/// Pure. From the start of the probe that led to `state` to the start of the next one: next_interval, with
/// jitter unless the pace is fast or hurried. `random` is in [0, 1).
[[nodiscard]] Duration next_delay(HealthState const& state, HealthPolicy const& policy,
                                  double random) noexcept;

/// Pure. The moment nearest to `due` of those at which probes of all targets of the same interval start: one
/// wake-up then serves several. Of few `targets` they are a 16th of the interval apart, at most 64 ms; of
/// more closer, so that some eight probes share one, down to a 256th.
[[nodiscard]] std::chrono::steady_clock::time_point
shared_moment(std::chrono::steady_clock::time_point due, Duration interval, std::size_t targets) noexcept;

/// Pure. From the start of the first probe of one of many targets to that of its second: anything up to
/// `interval`, so that their probes are spread over it from then on. `random` is in [0, 1).
[[nodiscard]] Duration second_delay(Duration interval, double random) noexcept;

/// Pure. Whether `count` new targets are so many that they do not start all at once.
[[nodiscard]] bool are_many(std::size_t count) noexcept;

/// Pure. When the first probe of the `index`-th of `count` new targets starts, after now. Up to 8 targets
/// start at once; more are spread evenly over 200 ms or, of very many, 50 us each, and never over more than
/// `interval`.
[[nodiscard]] Duration first_delay(std::size_t index, std::size_t count, Duration interval) noexcept;

/// Pure. Whether a handshake that a client completed with the backend takes the place of the probe that is
/// due `now`: with Passive::replace, while the backend is up and not in doubt, if it came after the start of
/// the last probe (or handshake that counted as one) and less than an interval ago.
[[nodiscard]] bool replaces_probe(std::chrono::steady_clock::time_point handshake,
                                  std::chrono::steady_clock::time_point last_started,
                                  std::chrono::steady_clock::time_point now, HealthState const& state,
                                  HealthPolicy const& policy) noexcept;

/// Pure. Whether a probe that runs since `last_started` is recent enough to answer evidence that comes now.
/// An older one may have passed before the backend failed.
[[nodiscard]] bool answers_evidence(std::chrono::steady_clock::time_point last_started,
                                    std::chrono::steady_clock::time_point now,
                                    HealthPolicy const& policy) noexcept;

/// Pure. When the probe may start that evidence asks for: a fast interval after the last one. One about a
/// client that was turned away (Evidence::refused) need not wait for so long because a steady probe happens
/// to have passed just before: the shortest distance is hurried_interval then, but never more than two probes
/// in a fast interval. `before_last` is the start of the probe before the last one.
[[nodiscard]] std::chrono::steady_clock::time_point
evidence_start(Evidence kind, std::chrono::steady_clock::time_point last_started,
               std::chrono::steady_clock::time_point before_last, HealthPolicy const& policy) noexcept;

/// The probes of one target that have started and not ended.
struct Flights {
    std::size_t count = 0;
    bool in_line = false; ///< one of them waits for its turn among all targets' probes
    std::chrono::steady_clock::time_point oldest{};
    std::chrono::steady_clock::time_point newest{};
};

/// Pure. When the next probe of a target starts, whose last ended one asked for the next at `due`; nullopt:
/// when one of those in flight has ended. Probes of a backend that works and is in doubt overlap: one starts
/// every fast interval, as many at a time as are still missing for the verdict and at most 8, so that a
/// timeout is waited for once and not `fall` times. A probe that is unanswered for a quarter of its timeout
/// is a doubt.
[[nodiscard]] std::optional<std::chrono::steady_clock::time_point>
next_start(HealthState const& state, HealthPolicy const& policy, Flights const& flights,
           std::chrono::steady_clock::time_point due) noexcept;

/// What probes that began later already found, for results that come out of order.
struct NewestStarts {
    std::optional<std::chrono::steady_clock::time_point> passed;
    std::optional<std::chrono::steady_clock::time_point> failed;
};

/// Pure. Whether the result of a probe that began at `started` was overtaken by the opposite result of a
/// probe that began later, and so says nothing any more. A failure is never stale under a window, which
/// counts losses.
[[nodiscard]] bool is_stale(NewestStarts const& newest, std::chrono::steady_clock::time_point started,
                            bool passed, HealthPolicy const& policy) noexcept;

/// Pure. Whether a probe that had to end by `planned` (its deadline) ended at `actual` so late that this
/// process itself must have stood still meanwhile (SIGSTOP, a suspended machine, a starved CPU): later by
/// more than half its timeout and by more than 50 ms. Of probes that overlapped with others less is forgiven,
/// so that one stall cannot end enough of them for a verdict. Such a probe says nothing about the backend.
[[nodiscard]] bool stalled(std::chrono::steady_clock::time_point planned,
                           std::chrono::steady_clock::time_point actual, HealthPolicy const& policy,
                           bool overlapped = false) noexcept;

/// Pure. Whether a probe of a backend in `state` that ended `late` after its deadline leaves open why: the
/// backend did not answer, or this process did not come to read the answer. Nothing is open about a backend
/// that is down.
[[nodiscard]] bool is_doubtful(OutcomeCode code, Duration late, HealthState const& state) noexcept;

/// Pure. So many doubtful ones in a row say nothing; further ones count, since a busy machine is always late.
[[nodiscard]] unsigned most_doubtful(HealthPolicy const& policy) noexcept;

} // namespace pointsman
