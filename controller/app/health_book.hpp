#pragma once

#include "controller/model/desired_state.hpp"
#include "controller/model/state.hpp"
#include "healthcheck/monitor.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pointsman {

/// The last probe of a backend.
struct LastProbe {
    Outcome outcome;
    std::chrono::steady_clock::time_point ended;
};

/// Which backends share which probe, and what is measured of each.
class HealthBook {
public:
    /// Takes over what `desired` wants probed; forgets backends that are gone.
    void assign(DesiredState const& desired);

    /// Goes on from what another daemon measured, rows included. Backends that are not probed are left out.
    void resume(std::map<BackendKey, HealthState> const& states);

    /// What to hand to HealthMonitor::set_targets: each backend's target that is not in `resting`.
    [[nodiscard]] std::vector<WantedProbe> wanted(std::map<BackendKey, AdminState> const& admin) const;

    /// Notes an outcome. @return the backends that it is about.
    std::vector<BackendKey> note(ProbeReport const& report);

    /// A backend that is not probed for a while starts anew: its first probe decides. (Unless another backend
    /// has it probed all the while.)
    void forget(BackendKey const& key);

    [[nodiscard]] std::map<BackendKey, MeasuredState> const& measured() const noexcept { return measured_; }
    [[nodiscard]] ProbeTarget const* target_of(BackendKey const& key) const;
    /// As after the last probe; unknown before the first.
    [[nodiscard]] HealthState state_of(BackendKey const& key) const;
    [[nodiscard]] LastProbe const* last_probe(BackendKey const& key) const;

private:
    struct TargetHash {
        std::size_t operator()(ProbeTarget const& target) const noexcept;
    };

    void share();

    std::map<BackendKey, ProbeTarget> targets_;
    std::unordered_map<ProbeTarget, std::vector<BackendKey>, TargetHash> sharers_;
    std::map<BackendKey, MeasuredState> measured_;
    std::map<BackendKey, HealthState> states_; ///< with the rows
    std::map<BackendKey, LastProbe> last_;
};

/// The closed vocabulary of `because`: l4_refused, l4_timeout, l7_status, …
[[nodiscard]] std::string_view because_of(Outcome const& outcome) noexcept;

} // namespace pointsman
