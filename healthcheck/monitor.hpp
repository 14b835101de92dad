#pragma once

#include "healthcheck/evidence_row.hpp"
#include "healthcheck/light_probe.hpp"
#include "healthcheck/probe.hpp"
#include "healthcheck/probe_slots.hpp"
#include "healthcheck/state_machine.hpp"
#include "healthcheck/timetable.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <unordered_map>
#include <vector>

namespace pointsman {

/// What one probe brought. A view: valid only during the callback, the receiver copies what it keeps.
struct ProbeReport {
    ProbeTarget const& target;
    Outcome const& outcome;
    HealthState state; ///< after this outcome
    std::optional<Transition> transition;
    std::chrono::steady_clock::time_point started;
    /// Start of the first failed probe of the current row of failures; nullopt after a passed one.
    std::optional<std::chrono::steady_clock::time_point> first_failure;
    /// The row of outcomes, OWN left out, that speaks against the state before this one and, on a transition,
    /// decided: oldest first, at most the newest 16. Empty when the outcome confirms the state.
    std::span<JudgedProbe const> evidence;
    HealthState row_from{};                      ///< what the first of them found
    std::chrono::steady_clock::time_point due{}; ///< when it should have started
};

struct WantedProbe {
    ProbeTarget target;
    HealthState resume{}; ///< the state to go on from when the monitor does not know the target
};

/// When a client last completed a handshake with a target, as far as it is known.
using LastHandshake = std::function<std::optional<std::chrono::steady_clock::time_point>(ProbeTarget const&)>;

struct MonitorOptions {
    std::size_t in_flight_limit = 512;
    std::size_t program_limit = 32; ///< of checks of type exec, within in_flight_limit
    std::uint32_t jitter_seed = 1;
    LastHandshake last_handshake{}; ///< asked for checks with Passive::replace; without it none is replaced
};

/// Since the monitor was made.
struct MonitorCounters {
    std::uint64_t probes = 0;     ///< ended ones, own faults included
    std::uint64_t own_faults = 0; ///< outcomes OWN, stalls included
    std::uint64_t stalls = 0;     ///< outcomes discarded because this process stood still
    std::uint64_t evidence = 0;   ///< passive evidence taken against a target that is up
    std::uint64_t replaced = 0;   ///< probes not made: a client's handshake stood for them
    std::size_t in_flight = 0;
    Duration queue_delay_last{}; ///< how long the newest probe waited because of in_flight_limit
    Duration queue_delay_max{};
};

/// Probes each distinct target when it is due and tells what came of it. Keeps one HealthState per target;
/// judges by `on_outcome` alone. Probes of a target in doubt overlap (`next_start`); what of their results
/// still counts is `is_stale`'s to say. One thread: all calls and the callback happen on the executor's.
///
/// An exception out of the callback, or any other that is not expected, leaves through the executor's run().
class HealthMonitor {
public:
    using OnReport = std::function<void(ProbeReport const&)>; ///< may call the monitor

    HealthMonitor(boost::asio::any_io_executor executor, OnReport on_report, MonitorOptions options = {});
    HealthMonitor(HealthMonitor const&) = delete;
    HealthMonitor& operator=(HealthMonitor const&) = delete;
    ~HealthMonitor(); ///< only before the first set_targets or after stop() completed: asserted

    /// The whole of what to probe from now on; equal targets are probed once, CheckType::none not at all.
    /// Unchanged targets go on undisturbed; one of which only the policy changed keeps its state and starts
    /// its rows anew; those no longer wanted are cancelled and report nothing more. New ones resume or begin
    /// unknown.
    void set_targets(std::vector<WantedProbe> const& wanted);

    /// Passive evidence against a target. If it works, it becomes suspect and is probed at once, but a fast
    /// interval after its last probe at the earliest. Unknown targets and targets that are down are left
    /// alone.
    void probe_now(ProbeTarget const& target, Evidence kind = Evidence::general);

    /// What the target's answers asked for is forgotten, until one asks for it again.
    void forget_wishes(ProbeTarget const& target);

    /// Cancels every probe; completes when all have ended. Afterwards set_targets may start again.
    [[nodiscard]] boost::asio::awaitable<void> stop();

    [[nodiscard]] std::optional<HealthState> state_of(ProbeTarget const& target) const;
    [[nodiscard]] MonitorCounters counters() const noexcept;

private:
    struct Watch;
    struct Flight;
    struct TargetHash {
        std::size_t operator()(ProbeTarget const& target) const noexcept;
    };
    struct SameTarget {
        bool operator()(ProbeTarget const& a, ProbeTarget const& b) const noexcept { return a == b; }
    };
    using Watches =
        std::unordered_map<std::reference_wrapper<ProbeTarget const>, Watch*, TargetHash, SameTarget>;

    std::vector<Watch*> add_wanted(std::vector<WantedProbe> const& wanted, Watches const& before);
    void start(Watch& watch, Duration delay, bool one_of_many);
    void cancel(Watch& watch);
    void schedule(Watch& watch);
    void on_due(Watch& watch, std::chrono::steady_clock::time_point due);
    [[nodiscard]] bool replace(Watch& watch, std::chrono::steady_clock::time_point now);
    void launch(Watch& watch, std::chrono::steady_clock::time_point due);
    void launch_light(Watch& watch, Flight& flight);
    void fly_light(Flight& flight, ProbeSlots::Slot slot);
    boost::asio::awaitable<void> fly(Watch& watch, Flight& flight);
    void take_off(Watch& watch, Flight& flight);
    void land(Watch& watch, Flight& flight, Outcome outcome);
    void on_flight_end(Watch& watch, Flight& flight, std::exception_ptr const& failure);
    void forget_if_ended(Watch& watch);

    void blame_self(Watch const& watch, Flight const& flight, Outcome& outcome);
    void conclude(Watch& watch, Flight const& flight, Outcome const& outcome);
    void report(Watch const& watch, Flight const& flight, Outcome const& outcome,
                std::optional<Transition> transition);
    [[nodiscard]] double random();

    boost::asio::any_io_executor executor_;
    OnReport on_report_;
    LastHandshake last_handshake_;
    std::minstd_rand random_;
    ProbeSlots slots_;
    ProbeSlots program_slots_;
    MonitorCounters counters_;
    LightProbes light_probes_;
    Watches watches_; ///< the wanted ones, by the target that each holds
    /// Owns each watch until its last probe has ended, wanted or not.
    std::unordered_map<Watch const*, std::unique_ptr<Watch>> owned_;
    Timetable timetable_;                 ///< when the next probes start
    boost::asio::steady_timer all_ended_; ///< cancelled when owned_ becomes empty
};

} // namespace pointsman
