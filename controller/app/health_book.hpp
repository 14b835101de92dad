#pragma once

#include "controller/app/check_states.hpp"
#include "controller/model/desired_state.hpp"
#include "controller/model/state.hpp"
#include "healthcheck/monitor.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pointsman {

/// The last probe of a backend.
struct LastProbe {
    Outcome outcome;
    std::chrono::steady_clock::time_point ended;
};

/// One check of a backend: has a state of its own.
struct CheckHealth {
    std::string name; ///< unique among the backend's checks
    CheckType type = CheckType::tcp;
    ProbeTarget target;
    HealthState health{};
    std::optional<LastProbe> last{};
    bool steady = false; ///< the last probe passed, is told, and nothing else decides about the backend
};

/// What a probe means for one of the backends that share it.
struct NotedProbe {
    BackendKey key;
    std::string check;                               ///< the backend's own name for it
    MeasuredState measured = MeasuredState::unknown; ///< the backend as a whole, after it
    std::optional<Transition> transition;            ///< likewise
    bool as_before = false; ///< passed, as the one before it: whoever was told of that one knows all
    std::optional<unsigned> percent_was{}; ///< of its weight, as the check wished before
    std::optional<unsigned> percent{};     ///< now
};

/// Pure. A backend rests as soon as one of its checks asks for it, is down as soon as one is, works while all
/// of them do, and is draining then if one asks for it. Those of type none say nothing; one without any other
/// is unknown.
[[nodiscard]] MeasuredState conjunction(std::span<CheckHealth const> checks) noexcept;

/// Pure. Of several agents of one backend the most modest counts; nullopt: none said anything of its weight.
[[nodiscard]] std::optional<unsigned> lowest_percent(std::span<CheckHealth const> checks) noexcept;

/// Which backends share which probe, and what is measured of each.
class HealthBook {
public:
    HealthBook() = default;
    HealthBook(HealthBook const&) = delete; // holds places in itself, which moving leaves where they are
    HealthBook& operator=(HealthBook const&) = delete;
    HealthBook(HealthBook&&) noexcept = default;
    HealthBook& operator=(HealthBook&&) noexcept = default;
    ~HealthBook() = default;

    /// Takes over what `desired` wants probed; forgets backends that are gone. A check of the same name, on a
    /// backend of the same address and port, keeps its state; a new one starts with the backend's.
    void assign(DesiredState const& desired);

    /// Goes on from what another daemon measured, rows included. A check that it did not have starts with the
    /// backend's state. Backends that are not probed are left out.
    void resume(std::map<BackendKey, CheckStates> const& states);

    /// What to hand to HealthMonitor::set_targets: the targets of each backend that is not in maintenance.
    [[nodiscard]] std::vector<WantedProbe> wanted(std::map<BackendKey, AdminState> const& admin) const;

    /// Notes an outcome. @return the backends that it is about.
    std::vector<NotedProbe> note(ProbeReport const& report);

    /// A backend that is not probed for a while starts anew: until its first probes it is what `init` says.
    /// (Unless another backend has them made all the while.)
    void forget(BackendKey const& key);

    /// What the backend's probes asked for is forgotten, until they ask for it again; so it is of others that
    /// share them. @return the probes.
    std::vector<ProbeTarget> forget_wishes(BackendKey const& key);

    /// An agent's wish, told in the place of the probe that brought it. @return false: there is no such
    /// check.
    bool wish(BackendKey const& key, std::string_view check, unsigned percent);

    /// What each backend is taken for: as it was probed last or, not probed yet, as `init` of its first check
    /// says; a missing one is unknown.
    [[nodiscard]] std::map<BackendKey, MeasuredState> const& measured() const noexcept { return taken_for_; }
    /// Share of its weight that its agents want it to have; only of those where one said so.
    [[nodiscard]] std::map<BackendKey, unsigned> const& percents() const noexcept { return percents_; }
    [[nodiscard]] bool knows(BackendKey const& key) const { return checks_.contains(key); }
    /// In the order of the configuration; empty for an unknown backend.
    [[nodiscard]] std::span<CheckHealth const> checks(BackendKey const& key) const;
    /// As after the last probe of each check; those that are unknown are left out.
    [[nodiscard]] CheckStates states_of(BackendKey const& key) const;
    /// The probe that tells most: the newest of a check that is down, else the newest of all.
    [[nodiscard]] LastProbe const* last_probe(BackendKey const& key) const;

private:
    struct TargetHash {
        std::size_t operator()(ProbeTarget const& target) const noexcept;
    };
    struct Sharer {
        BackendKey key;
        std::vector<CheckHealth>* checks = nullptr; ///< of the backend
        std::size_t check = 0;                      ///< index
    };

    struct SameTarget {
        bool operator()(ProbeTarget const& a, ProbeTarget const& b) const noexcept { return a == b; }
    };

    [[nodiscard]] CheckHealth resumed(BackendKey const& key, CheckHealth check) const;
    void share();
    void conclude_all();
    std::optional<Transition> conclude(BackendKey const& key);
    void presume(BackendKey const& key);
    void weigh(BackendKey const& key);

    std::map<BackendKey, std::vector<CheckHealth>> checks_;
    /// By the target that the first of them holds.
    std::unordered_map<std::reference_wrapper<ProbeTarget const>, std::vector<Sharer>, TargetHash, SameTarget>
        sharers_;
    std::map<BackendKey, MeasuredState> measured_;  ///< by probes; without those that are unknown
    std::map<BackendKey, MeasuredState> memory_;    ///< of those not probed now
    std::map<BackendKey, MeasuredState> taken_for_; ///< measured_ and presumptions
    std::map<BackendKey, unsigned> percents_;
};

/// Whether it says that nothing came back from the backend's host, as when our own link is down. A host that
/// refuses a connection answers.
[[nodiscard]] bool is_silent(Outcome const& outcome) noexcept;

[[nodiscard]] std::string_view because_of(Outcome const& outcome) noexcept;

} // namespace pointsman
