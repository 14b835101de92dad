#include "healthcheck/probe_track.hpp"

#include <algorithm>
#include <utility>

namespace pointsman {

bool ProbeTrack::ask(Evidence kind, HealthPolicy const& policy, TimePoint now) noexcept {
    if (!works(state_.state)) return false;
    state_ = on_evidence(state_, kind);
    asked_ = now;
    asked_for_ = std::max(asked_for_, kind);
    due_ = std::min({due_, started_ + next_interval(state_, policy),
                     evidence_start(kind, started_, before_last_, policy)});
    return true;
}

bool ProbeTrack::replace(TimePoint handshake, HealthPolicy const& policy, TimePoint now, double random,
                         std::size_t targets) noexcept {
    if (!replaces_probe(handshake, started_, now, state_, policy)) return false;
    started(handshake);
    plan_next(policy, random, targets);
    return true;
}

ProbeTrack::Counted ProbeTrack::conclude(ProbeEnd const& end, HealthPolicy const& policy, double random,
                                         std::size_t targets) noexcept {
    Counted counted{says_something(end, policy), std::nullopt};
    if (counted.counts) {
        auto const step = on_outcome(state_, end.code, policy, end.wishes);
        auto& newest_alike = passed(end.code) ? newest_.passed : newest_.failed;
        newest_alike = std::max(newest_alike.value_or(end.began), end.began);
        counted.transition = step.transition;
        state_ = step.state;
        // A probe that began before the evidence cannot dispel it.
        if (asked_ && !answers_evidence(end.began, *asked_, policy)) state_ = on_evidence(state_, asked_for_);
    }
    if (!state_.suspect) {
        asked_.reset();
        asked_for_ = Evidence::general;
    }
    plan_next(policy, random, targets);
    return counted;
}

/// What is doubtful asks for further probes.
bool ProbeTrack::says_something(ProbeEnd const& end, HealthPolicy const& policy) noexcept {
    if (end.code == OutcomeCode::OWN || is_stale(newest_, end.began, passed(end.code), policy)) return false;
    bool const doubtful = is_doubtful(end.code, end.late, state_);
    if (!doubtful) doubtful_in_row_ = 0;
    if (!doubtful || doubtful_in_row_ == most_doubtful(policy)) return true;
    ++doubtful_in_row_;
    state_ = on_evidence(state_);
    return false;
}

void ProbeTrack::plan_next(HealthPolicy const& policy, double random, std::size_t targets) noexcept {
    due_ = started_ + next_delay(state_, policy, random);
    auto const pace = pace_of(state_);
    if (pace != Pace::steady && pace != Pace::down) return;
    auto const interval = next_interval(state_, policy);
    if (std::exchange(to_be_spread_, false)) due_ = started_ + second_delay(interval, random);
    due_ = shared_moment(due_, interval, targets);
}

} // namespace pointsman
