#pragma once

#include "healthcheck/state_machine.hpp"

#include <chrono>
#include <optional>
#include <span>
#include <vector>

namespace pointsman {

/// One of the probes a verdict rests on.
struct JudgedProbe {
    std::chrono::steady_clock::time_point started;
    Outcome outcome;
};

/// The newest outcomes that speak against a target's state, for the record of the verdict that they may lead
/// to. No clock and no I/O.
class EvidenceRow {
public:
    using TimePoint = std::chrono::steady_clock::time_point;

    static constexpr std::size_t limit = 16; ///< probes; older ones are left out

    /// An outcome that counts, of the probe that began at `began`. `was` is the state before it; `decides`:
    /// it brought a transition.
    void take(HealthState const& was, bool decides, TimePoint began, Outcome const& outcome,
              HealthPolicy const& policy);

    /// The verdict was told.
    void end() noexcept { probes_ = {}; } // with its memory: the next row may be months away

    [[nodiscard]] std::span<JudgedProbe const> probes() const noexcept { return probes_; } ///< oldest first
    /// What the first of them found; anything while there is none.
    [[nodiscard]] HealthState const& from() const noexcept { return from_; }
    /// Start of the first failed probe since the last passed one.
    [[nodiscard]] std::optional<TimePoint> first_failure() const noexcept { return first_failure_; }

private:
    std::optional<TimePoint> first_failure_;
    std::vector<JudgedProbe> probes_;
    HealthState from_;
};

} // namespace pointsman
