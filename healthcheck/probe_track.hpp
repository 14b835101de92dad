#pragma once

#include "healthcheck/schedule.hpp"
#include "healthcheck/state_machine.hpp"

#include <chrono>
#include <cstddef>
#include <optional>

namespace pointsman {

/// Everything that decides about one target between the start of a probe and the verdict. No clock and no
/// I/O: the monitor runs it with sockets, the simulation without.
class ProbeTrack {
public:
    using TimePoint = std::chrono::steady_clock::time_point;

    struct Counted {
        bool counts = false; ///< false: an own fault, or overtaken by a later probe
        std::optional<Transition> transition;
    };

    explicit ProbeTrack(HealthState resumed) noexcept : state_{resumed} {}

    [[nodiscard]] HealthState const& state() const noexcept { return state_; }

    /// The first probe starts then. `one_of_many`: the second one is not to follow as those of all others do.
    void begin_at(TimePoint due, bool one_of_many = false) noexcept {
        due_ = due;
        to_be_spread_ = one_of_many;
    }

    /// When the next probe starts; TimePoint::max(): when one of those in flight has ended.
    [[nodiscard]] TimePoint next(HealthPolicy const& policy, Flights const& flights) const noexcept {
        return next_start(state_, policy, flights, due_).value_or(TimePoint::max());
    }

    void started(TimePoint now) noexcept { started_ = now; }

    /// Passive evidence. @return false when it changes nothing: the backend does not work anyway.
    bool ask(Evidence kind, HealthPolicy const& policy, TimePoint now) noexcept;

    /// A client's handshake with the target. @return true when it stands for the probe that is due now: as if
    /// one had started and passed then, the next one is due an interval after it.
    bool replace(TimePoint handshake, HealthPolicy const& policy, TimePoint now, double random,
                 std::size_t targets) noexcept;

    /// The result of the probe that began at `began`, and what the backend wishes by it; `random` in [0, 1)
    /// is for jitter, `targets` how many there are.
    Counted conclude(TimePoint began, OutcomeCode code, Wishes const& wishes, HealthPolicy const& policy,
                     double random, std::size_t targets) noexcept;

    /// What it asked for is forgotten until it asks again.
    void forget_wishes() noexcept { state_.wishes = {}; }

private:
    void plan_next(HealthPolicy const& policy, double random, std::size_t targets) noexcept;

    HealthState state_;
    NewestStarts newest_; ///< of the probes that counted
    TimePoint due_{};     ///< when the next probe starts while none is under way
    TimePoint started_{}; ///< the newest one, or a handshake in its place
    bool to_be_spread_ = false;
    std::optional<TimePoint> asked_;         ///< when the newest evidence came that no probe dispelled
    Evidence asked_for_ = Evidence::general; ///< the strongest kind of it
};

} // namespace pointsman
