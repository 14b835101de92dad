#pragma once

#include "healthcheck/schedule.hpp"
#include "healthcheck/state_machine.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <utility>

namespace pointsman {

/// What came of one probe.
struct ProbeEnd {
    std::chrono::steady_clock::time_point began;
    OutcomeCode code = OutcomeCode::L4OK;
    Wishes wishes{}; ///< what the backend wishes by it
    Duration late{}; ///< that it ended after its deadline; below 0: before it
};

/// Everything that decides about one target between the start of a probe and the verdict. No clock and no
/// I/O: the monitor runs it with sockets, the simulation without.
class ProbeTrack {
public:
    using TimePoint = std::chrono::steady_clock::time_point;

    struct Counted {
        bool counts = false; ///< false: an own fault, overtaken by a later probe, or doubtful
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

    void started(TimePoint now) noexcept { before_last_ = std::exchange(started_, now); }

    /// Passive evidence. @return false when it changes nothing: the backend does not work anyway.
    bool ask(Evidence kind, HealthPolicy const& policy, TimePoint now) noexcept;

    /// A client's handshake with the target. @return true when it stands for the probe that is due now: as if
    /// one had started and passed then, the next one is due an interval after it.
    bool replace(TimePoint handshake, HealthPolicy const& policy, TimePoint now, double random,
                 std::size_t targets) noexcept;

    /// `random` in [0, 1) is for jitter, `targets` how many there are.
    Counted conclude(ProbeEnd const& end, HealthPolicy const& policy, double random,
                     std::size_t targets) noexcept;

    /// What it asked for is forgotten until it asks again.
    void forget_wishes() noexcept { state_.wishes = {}; }

private:
    [[nodiscard]] bool says_something(ProbeEnd const& end, HealthPolicy const& policy) noexcept;
    void plan_next(HealthPolicy const& policy, double random, std::size_t targets) noexcept;

    HealthState state_;
    NewestStarts newest_;     ///< of the probes that counted
    TimePoint due_{};         ///< when the next probe starts while none is under way
    TimePoint started_{};     ///< the newest one, or a handshake in its place
    TimePoint before_last_{}; ///< the one before it
    bool to_be_spread_ = false;
    unsigned doubtful_in_row_ = 0;           ///< timeouts, since an outcome that left nothing open
    std::optional<TimePoint> asked_;         ///< when the newest evidence came that no probe dispelled
    Evidence asked_for_ = Evidence::general; ///< the strongest kind of it
};

} // namespace pointsman
