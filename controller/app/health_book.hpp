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

    /// What to hand to HealthMonitor::set_targets: each backend's target that is not in `resting`.
    [[nodiscard]] std::vector<WantedProbe> wanted(std::map<BackendKey, AdminState> const& admin) const;

    /// Notes an outcome. @return the backends that it is about.
    std::vector<BackendKey> note(ProbeReport const& report);

    /// A backend that is not probed for a while starts anew: until its first probe it is what `init` says.
    void forget(BackendKey const& key);

    /// What each backend is taken for: as it was probed last or, not probed yet, as `init` says; a missing
    /// one is unknown.
    [[nodiscard]] std::map<BackendKey, MeasuredState> const& measured() const noexcept { return taken_for_; }
    [[nodiscard]] ProbeTarget const* target_of(BackendKey const& key) const;
    [[nodiscard]] LastProbe const* last_probe(BackendKey const& key) const;

private:
    struct TargetHash {
        std::size_t operator()(ProbeTarget const& target) const noexcept;
    };

    std::map<BackendKey, ProbeTarget> targets_;
    std::unordered_map<ProbeTarget, std::vector<BackendKey>, TargetHash> sharers_;
    void presume(BackendKey const& key, Init init);

    std::map<BackendKey, MeasuredState> measured_;  ///< by probes
    std::map<BackendKey, MeasuredState> memory_;    ///< of those not probed now
    std::map<BackendKey, MeasuredState> taken_for_; ///< measured_ and presumptions
    std::map<BackendKey, LastProbe> last_;
};

/// Whether it says that nothing came back from the backend's host, as when our own link is down. A host that
/// refuses a connection answers.
[[nodiscard]] bool is_silent(Outcome const& outcome) noexcept;

[[nodiscard]] std::string_view because_of(Outcome const& outcome) noexcept;

} // namespace pointsman
