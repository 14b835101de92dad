#include "healthcheck/monitor.hpp"

#include "healthcheck/probe_track.hpp"

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
#include <list>
#include <utility>

namespace pointsman {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

namespace {

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
    target.check.own().policy = {};
    return target;
}

} // namespace

/// One probe under way.
struct HealthMonitor::Flight {
    Flight(Watch& its_watch, Clock::time_point at) : watch{its_watch}, due{at} {}

    Watch& watch;
    Clock::time_point due;
    std::optional<Clock::time_point> started{}; ///< nullopt while it waits for its turn
    bool overlapped = false;                    ///< others of its target were under way meanwhile
    std::optional<ProbeSlots::Waiter> turn{};   ///< of a light probe: it had to wait
    std::optional<ProbeSlots::Slot> slot{};     ///< of a light probe
    std::optional<LightProbe> light{};
    asio::cancellation_signal cancel{}; ///< of any other
};

/// One target and its probes under way.
struct HealthMonitor::Watch : Timetable::Entry {
    Watch(ProbeTarget probed, HealthState resumed)
        : target{std::move(probed)}
        , is_light{LightProbe::suits(target)}
        , track{resumed} {}

    [[nodiscard]] HealthPolicy const& policy() const noexcept { return target.check->policy; }
    [[nodiscard]] Clock::time_point next() const noexcept;

    ProbeTarget const target;
    bool const is_light;
    ProbeTrack track;
    EvidenceRow row;
    bool wanted = true;
    std::list<Flight> flights; ///< oldest first
};

Clock::time_point HealthMonitor::Watch::next() const noexcept {
    Flights under_way{.count = flights.size()};
    for (auto const& flight : flights)
        under_way.in_line |= !flight.started;
    if (!flights.empty() && !under_way.in_line) {
        under_way.oldest = *flights.front().started;
        under_way.newest = *flights.back().started;
    }
    return track.next(policy(), under_way);
}

std::size_t HealthMonitor::TargetHash::operator()(ProbeTarget const& target) const noexcept {
    auto const& octets = target.address.octets();
    std::size_t seed = boost::hash_range(octets.begin(), octets.end());
    boost::hash_combine(seed, target.port);
    boost::hash_combine(seed, target.check->path);
    return seed;
}

HealthMonitor::HealthMonitor(asio::any_io_executor executor, OnReport on_report, MonitorOptions options)
    : executor_{std::move(executor)}
    , on_report_{std::move(on_report)}
    , last_handshake_{std::move(options.last_handshake)}
    , random_{options.jitter_seed}
    , slots_{options.in_flight_limit}
    , program_slots_{options.program_limit}
    , light_probes_{executor_}
    , timetable_{executor_, [this](Timetable::Entry& entry,
                                   Clock::time_point due) { on_due(static_cast<Watch&>(entry), due); }}
    , all_ended_{executor_} {}

HealthMonitor::~HealthMonitor() {
    assert(owned_.empty());
}

void HealthMonitor::set_targets(std::vector<WantedProbe> const& wanted) {
    auto const before = std::exchange(watches_, {});
    auto const added = add_wanted(wanted, before);
    for (auto const& [target, watch] : before) {
        watch->wanted = watches_.contains(target);
        if (!watch->wanted) cancel(*watch);
    }
    for (std::size_t i = 0; i < added.size(); ++i)
        start(*added[i], first_delay(i, added.size(), added[i]->policy().interval), are_many(added.size()));
}

/// Fills watches_ from what was there and from new watches, which are returned.
std::vector<HealthMonitor::Watch*> HealthMonitor::add_wanted(std::vector<WantedProbe> const& wanted,
                                                             Watches const& before) {
    std::unordered_map<ProbeTarget, HealthState, TargetHash> known;
    for (auto const& [target, watch] : before)
        known.emplace(without_policy(target), without_rows(watch->track.state()));

    std::vector<Watch*> added;
    for (auto const& [target, resume] : wanted) {
        if (target.check->type == CheckType::none || watches_.contains(target)) continue;
        auto const same = before.find(target);
        if (same != before.end()) {
            watches_.emplace(same->second->target, same->second);
            continue;
        }
        auto const inherited = known.find(without_policy(target));
        auto const state = inherited == known.end() ? resume : inherited->second;
        auto watch = std::make_unique<Watch>(target, state);
        added.push_back(watch.get());
        watches_.emplace(watch->target, watch.get());
        owned_.emplace(watch.get(), std::move(watch));
    }
    return added;
}

void HealthMonitor::start(Watch& watch, Duration delay, bool one_of_many) {
    watch.track.begin_at(Clock::now() + delay, one_of_many);
    schedule(watch);
}

/// Light probes end at once, others when their coroutines have; one that is just being reported has ended.
void HealthMonitor::cancel(Watch& watch) {
    timetable_.take_out(watch);
    watch.flights.remove_if([](Flight const& flight) { return flight.light || flight.turn; });
    for (auto& flight : watch.flights)
        flight.cancel.emit(asio::cancellation_type::terminal);
    forget_if_ended(watch);
}

void HealthMonitor::on_flight_end(Watch& watch, Flight& flight, std::exception_ptr const& failure) {
    bool const expected = !failure || (!watch.wanted && is_cancellation(failure));
    watch.flights.remove_if([&](Flight const& other) { return &other == &flight; });
    schedule(watch);
    forget_if_ended(watch);
    if (!expected) std::rethrow_exception(failure);
}

void HealthMonitor::forget_if_ended(Watch& watch) {
    if (watch.wanted || !watch.flights.empty()) return;
    owned_.erase(&watch);
    if (!owned_.empty()) return;
    light_probes_.rest();
    timetable_.rest();
    all_ended_.cancel();
}

asio::awaitable<void> HealthMonitor::stop() {
    set_targets({});
    while (!owned_.empty()) {
        all_ended_.expires_at(Clock::time_point::max());
        co_await all_ended_.async_wait(asio::as_tuple(asio::use_awaitable));
    }
}

void HealthMonitor::probe_now(ProbeTarget const& target, Evidence kind) {
    auto const found = watches_.find(target);
    if (found == watches_.end()) return;
    Watch& watch = *found->second;
    if (!watch.track.ask(kind, watch.policy(), Clock::now())) return;
    ++counters_.evidence;
    schedule(watch);
}

void HealthMonitor::forget_wishes(ProbeTarget const& target) {
    if (auto const found = watches_.find(target); found != watches_.end())
        found->second->track.forget_wishes();
}

/// What asks for another time of the next probe has happened.
void HealthMonitor::schedule(Watch& watch) {
    if (watch.wanted) timetable_.put(watch, watch.next());
}

void HealthMonitor::on_due(Watch& watch, Clock::time_point due) {
    if (!replace(watch, Clock::now())) launch(watch, due);
    schedule(watch);
}

/// A connection that a client made says all that a probe would which only connects.
bool HealthMonitor::replace(Watch& watch, Clock::time_point now) {
    if (watch.policy().passive != Passive::replace || !last_handshake_ || !watch.flights.empty())
        return false;
    auto const handshake = last_handshake_(watch.target);
    if (!handshake || !watch.track.replace(*handshake, watch.policy(), now, random(), watches_.size()))
        return false;
    ++counters_.replaced;
    return true;
}

void HealthMonitor::launch(Watch& watch, Clock::time_point due) {
    Flight& flight = watch.flights.emplace_back(watch, due);
    for (auto& other : watch.flights)
        other.overlapped = watch.flights.size() > 1;
    if (watch.is_light) return launch_light(watch, flight);
    auto on_end = [this, &watch, &flight](std::exception_ptr const& failure) {
        on_flight_end(watch, flight, failure);
    };
    asio::co_spawn(executor_, fly(watch, flight),
                   asio::bind_cancellation_slot(flight.cancel.slot(), std::move(on_end)));
}

/// Now, or when its turn has come.
void HealthMonitor::launch_light(Watch& watch, Flight& flight) {
    if (auto slot = slots_.try_take()) return fly_light(flight, std::move(*slot));
    flight.turn.emplace(slots_, [this, &flight, &watch](ProbeSlots::Slot slot) {
        fly_light(flight, std::move(slot));
        schedule(watch); // the next one may follow this
    });
}

void HealthMonitor::fly_light(Flight& flight, ProbeSlots::Slot slot) {
    flight.slot.emplace(std::move(slot));
    take_off(flight.watch, flight);
    flight.light.emplace(light_probes_, flight.watch.target, [this, &flight](Outcome outcome) {
        flight.light.reset();
        flight.slot.reset();
        std::exception_ptr failure;
        try {
            land(flight.watch, flight, std::move(outcome));
        } catch (...) {
            failure = std::current_exception();
        }
        on_flight_end(flight.watch, flight, failure);
    });
}

asio::awaitable<void> HealthMonitor::fly(Watch& watch, Flight& flight) {
    // co_spawn never reports the end of a coroutine that was cancelled before it was suspended once
    // (Boost 1.81).
    co_await asio::post(executor_, asio::use_awaitable);
    std::optional<ProbeSlots::Slot> program;
    if (watch.target.check->type == CheckType::exec) program.emplace(co_await program_slots_.take());
    auto const slot = co_await slots_.take();
    take_off(watch, flight);
    schedule(watch); // the next one may follow this
    Outcome outcome = co_await probe(watch.target);
    land(watch, flight, std::move(outcome));
}

void HealthMonitor::take_off(Watch& watch, Flight& flight) {
    flight.started = Clock::now();
    watch.track.started(*flight.started);
}

void HealthMonitor::land(Watch& watch, Flight& flight, Outcome outcome) {
    blame_self(watch, flight, outcome);
    if (watch.target.check->type == CheckType::agent)
        outcome = with_unsaid(std::move(outcome), watch.track.state().wishes);
    if (watch.wanted) conclude(watch, flight, outcome);
}

/// Makes an outcome OWN if this process stood still, and counts it.
void HealthMonitor::blame_self(Watch const& watch, Flight const& flight, Outcome& outcome) {
    auto const planned = *flight.started + watch.policy().timeout;
    bool const stood_still = stalled(planned, Clock::now(), watch.policy(), flight.overlapped);
    if (stood_still) outcome = Outcome{OutcomeCode::OWN, outcome.duration, 0, 0, {}};
    ++counters_.probes;
    counters_.own_faults += outcome.code == OutcomeCode::OWN;
    counters_.stalls += stood_still;
}

void HealthMonitor::conclude(Watch& watch, Flight const& flight, Outcome const& outcome) {
    auto const was = watch.track.state();
    auto const late = Clock::now() - (*flight.started + watch.policy().timeout);
    ProbeEnd const end{*flight.started, outcome.code, wishes_of(outcome), late};
    auto const counted = watch.track.conclude(end, watch.policy(), random(), watches_.size());
    if (counted.counts)
        watch.row.take(was, counted.transition.has_value(), *flight.started, outcome, watch.policy());
    report(watch, flight, outcome, counted.transition);
    if (counted.transition) watch.row.end();
}

void HealthMonitor::report(Watch const& watch, Flight const& flight, Outcome const& outcome,
                           std::optional<Transition> transition) {
    auto const& row = watch.row;
    on_report_({watch.target, outcome, watch.track.state(), transition, *flight.started, row.first_failure(),
                row.probes(), row.from(), flight.due});
}

std::optional<HealthState> HealthMonitor::state_of(ProbeTarget const& target) const {
    auto const found = watches_.find(target);
    if (found == watches_.end()) return std::nullopt;
    return found->second->track.state();
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
