#include "healthcheck/monitor.hpp"

#include "healthcheck/schedule.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/container_hash/hash.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <cassert>
#include <utility>

namespace pointsman {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::size_t evidence_limit = 16;

bool is_cancellation(std::exception_ptr const& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (boost::system::system_error const& error) {
        return error.code() == asio::error::operation_aborted;
    } catch (...) {
        return false;
    }
}

ProbeTarget without_policy(ProbeTarget target) {
    target.check.policy = {};
    return target;
}

} // namespace

/// One target's loop. `wake` is waited on only between probes.
struct HealthMonitor::Watch {
    Watch(asio::any_io_executor const& executor, ProbeTarget probed, HealthState resumed)
        : target{std::move(probed)}
        , state{resumed}
        , wake{executor} {}

    [[nodiscard]] HealthPolicy const& policy() const noexcept { return target.check.policy; }
    void remember(Outcome const& outcome);

    ProbeTarget const target;
    HealthState state;
    std::optional<Clock::time_point> first_failure;
    std::vector<JudgedProbe> evidence; ///< the row against `state`
    Clock::time_point due{};           ///< when the next probe starts
    Clock::time_point started{};       ///< the last one
    bool in_flight = false;
    bool asked_again = false; ///< evidence came that the probe in flight is too old to answer
    bool wanted = true;
    asio::steady_timer wake;
    asio::cancellation_signal cancel;
};

/// Keeps the books on rows; `state` is still the one before this outcome.
void HealthMonitor::Watch::remember(Outcome const& outcome) {
    if (outcome.code == OutcomeCode::OWN) return;
    if (outcome.passed()) first_failure.reset();
    if (!outcome.passed() && !first_failure) first_failure = started;

    auto const confirmed = outcome.passed() ? MeasuredState::up : MeasuredState::down;
    if (state.state == confirmed) return evidence.clear();
    if (evidence.size() == evidence_limit) evidence.erase(evidence.begin());
    evidence.push_back({started, outcome});
}

std::size_t HealthMonitor::TargetHash::operator()(ProbeTarget const& target) const noexcept {
    auto const& octets = target.address.octets();
    std::size_t seed = boost::hash_range(octets.begin(), octets.end());
    boost::hash_combine(seed, target.port);
    boost::hash_combine(seed, target.check.path);
    return seed;
}

HealthMonitor::HealthMonitor(asio::any_io_executor executor, OnReport on_report, MonitorOptions options)
    : executor_{std::move(executor)}
    , on_report_{std::move(on_report)}
    , random_{options.jitter_seed}
    , slots_{options.in_flight_limit}
    , program_slots_{options.program_limit}
    , all_ended_{executor_} {}

HealthMonitor::~HealthMonitor() {
    assert(loops_.empty());
}

void HealthMonitor::set_targets(std::vector<WantedProbe> const& wanted) {
    auto const before = std::exchange(watches_, {});
    auto const added = add_wanted(wanted, before);
    for (auto const& [target, watch] : before) {
        watch->wanted = watches_.contains(target);
        if (!watch->wanted) watch->cancel.emit(asio::cancellation_type::terminal);
    }
    for (std::size_t i = 0; i < added.size(); ++i)
        start(*added[i], first_delay(i, added.size(), added[i]->policy().interval));
}

/// Fills watches_ from what was there and from new watches, which are returned.
std::vector<HealthMonitor::Watch*> HealthMonitor::add_wanted(std::vector<WantedProbe> const& wanted,
                                                             ByTarget<Watch*> const& before) {
    ByTarget<MeasuredState> known;
    for (auto const& [target, watch] : before)
        known.emplace(without_policy(target), watch->state.state);

    std::vector<Watch*> added;
    for (auto const& [target, resume] : wanted) {
        if (target.check.type == CheckType::none || watches_.contains(target)) continue;
        auto const same = before.find(target);
        if (same != before.end()) {
            watches_.emplace(target, same->second);
            continue;
        }
        auto const inherited = known.find(without_policy(target));
        auto const state = inherited == known.end() ? resume : HealthState{.state = inherited->second};
        auto watch = std::make_unique<Watch>(executor_, target, state);
        added.push_back(watch.get());
        watches_.emplace(target, watch.get());
        loops_.emplace(watch.get(), std::move(watch));
    }
    return added;
}

void HealthMonitor::start(Watch& watch, Duration delay) {
    watch.due = Clock::now() + delay;
    auto on_end = [this, &watch](std::exception_ptr const& failure) { on_loop_end(watch, failure); };
    asio::co_spawn(executor_, watch_loop(watch),
                   asio::bind_cancellation_slot(watch.cancel.slot(), std::move(on_end)));
}

void HealthMonitor::on_loop_end(Watch& watch, std::exception_ptr const& failure) {
    bool const expected = !watch.wanted && (!failure || is_cancellation(failure));
    if (watch.wanted) watches_.erase(watch.target);
    loops_.erase(&watch);
    if (loops_.empty()) all_ended_.cancel();
    if (!expected) std::rethrow_exception(failure);
}

asio::awaitable<void> HealthMonitor::stop() {
    set_targets({});
    while (!loops_.empty()) {
        all_ended_.expires_at(Clock::time_point::max());
        co_await all_ended_.async_wait(asio::as_tuple(asio::use_awaitable));
    }
}

void HealthMonitor::probe_now(ProbeTarget const& target) {
    auto const found = watches_.find(target);
    if (found == watches_.end() || found->second->state.state != MeasuredState::up) return;
    ++counters_.evidence;
    Watch& watch = *found->second;
    watch.state = on_evidence(watch.state);
    if (watch.in_flight) {
        watch.asked_again |= !answers_evidence(watch.started, Clock::now(), watch.policy());
        return;
    }
    watch.due = std::min(watch.due, watch.started + next_interval(watch.state, watch.policy()));
    watch.wake.cancel();
}

/// Ends by cancellation or, since a probe need not wait for anything, when it finds itself unwanted.
asio::awaitable<void> HealthMonitor::watch_loop(Watch& watch) {
    // co_spawn never reports the end of a coroutine that was cancelled before it was suspended once
    // (Boost 1.81).
    co_await asio::post(executor_, asio::use_awaitable);
    while (watch.wanted) {
        while (Clock::now() < watch.due) {
            watch.wake.expires_at(watch.due);
            co_await watch.wake.async_wait(asio::as_tuple(asio::use_awaitable));
        }
        Outcome const outcome = co_await probe_once(watch);
        if (watch.wanted) conclude(watch, outcome);
    }
}

asio::awaitable<Outcome> HealthMonitor::probe_once(Watch& watch) {
    std::optional<ProbeSlots::Slot> program;
    if (watch.target.check.type == CheckType::exec) program.emplace(co_await program_slots_.take());
    auto const slot = co_await slots_.take();
    watch.in_flight = true;
    watch.started = Clock::now();
    Outcome outcome = co_await probe(watch.target);
    watch.in_flight = false;

    bool const stood_still = stalled(watch.started + watch.policy().timeout, Clock::now(), watch.policy());
    if (stood_still) outcome = Outcome{OutcomeCode::OWN, outcome.duration, 0, 0, {}};
    ++counters_.probes;
    counters_.own_faults += outcome.code == OutcomeCode::OWN;
    counters_.stalls += stood_still;
    co_return outcome;
}

void HealthMonitor::conclude(Watch& watch, Outcome const& outcome) {
    auto const step = on_outcome(watch.state, outcome.code, watch.policy());
    watch.remember(outcome);
    // A probe that began before the evidence cannot dispel it.
    bool const asked_again = std::exchange(watch.asked_again, false);
    watch.state = asked_again ? on_evidence(step.state) : step.state;
    watch.due = watch.started + next_delay(watch.state, watch.policy(), random());
    if (pace_of(watch.state) != Pace::fast)
        watch.due = shared_moment(watch.due, next_interval(watch.state, watch.policy()));
    on_report_({watch.target, outcome, watch.state, step.transition, watch.started, watch.first_failure,
                watch.evidence});
    if (step.transition) watch.evidence.clear();
}

std::optional<HealthState> HealthMonitor::state_of(ProbeTarget const& target) const {
    auto const found = watches_.find(target);
    if (found == watches_.end()) return std::nullopt;
    return found->second->state;
}

MonitorCounters HealthMonitor::counters() const noexcept {
    auto counters = counters_;
    counters.in_flight = slots_.in_flight();
    counters.queue_delay_last = slots_.last_delay();
    counters.queue_delay_max = slots_.max_delay();
    return counters;
}

double HealthMonitor::random() {
    return std::uniform_real_distribution<double>{0, 1}(random_);
}

} // namespace pointsman
