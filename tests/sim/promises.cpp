// What must hold after every publish, whatever happened.
#include "controller/plan/maglev.hpp"
#include "tests/sim/world.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace pointsman::sim {
namespace {

using namespace std::chrono_literals;

/// Longest from a death to the last flow there: wait for the interval, one timeout, some fast intervals, a
/// hold and the probes after it.
constexpr Duration found_at_last = 1100ms + 125ms + 500ms + 200ms + 1700ms + Judgement::hold_time;
/// The same for a refusing backend under traffic: evidence, the rest of a fast interval, confirmations.
constexpr Duration found_under_traffic = 60ms;
/// How long after its last fault a backend may still be judged by it: a timeout and what was in flight.
constexpr Duration fault_lingers = 500ms + 200ms;

constexpr double table_noise = 0.06; ///< of a table: what Maglev moves beyond the shares that changed

double share(GenerationBackend const& backend, double total) {
    return backend.eligible && total > 0 ? backend.slot_weight() / total : 0;
}

double total_weight(Generation const& generation, std::string const& service) {
    double total = 0;
    for (auto const& backend : generation.backends)
        if (backend.key.service == service && backend.eligible) total += backend.slot_weight();
    return total;
}

} // namespace

PlanInput World::input() const {
    static thread_local std::map<BackendKey, MeasuredState> ruled; // outlives the reference in PlanInput
    ruled.clear();
    std::map<BackendKey, Adjustment> adjust;
    for (auto const& [key, ruling] : rulings_.of) {
        ruled[key] = ruling.measured;
        adjust[key].ramp = ruling.ramp;
    }
    for (auto const& [key, weight] : weights_)
        adjust[key].weight = weight;
    for (auto const& [key, percent] : percents_)
        adjust[key].weight_percent = percent;
    return {desired_, ruled, admin_, network_, std::move(adjust)};
}

/// The daemon rules on a verdict alone where it concerns nobody else: it must come to what a ruling on the
/// whole service does.
void World::rule_at_once(BackendKey const& key) {
    auto judgement = judgement_;
    auto rulings = at_once_;
    judgement.update(rulings, &key.service, measured_, admin_, now_);
    judgement_.update(at_once_, key, measured_, admin_, now_);
    if (at_once_.of != rulings.of || judgement_.pasts(now_) != judgement.pasts(now_))
        fail("a verdict on " + text(key) + " was ruled on otherwise than its service");
}

void World::publish() {
    auto const before = std::exchange(rulings_, judgement_.rule(measured_, admin_, now_));
    at_once_ = rulings_;
    auto const plan = plan_next(input(), current_);
    check(plan, before);
    check_verdicts_first(plan, before);
    current_ = plan.next;
    if (!plan_next(input(), current_).changes.empty()) fail("a plan of the same inputs is not empty");
}

/// The daemon plans the services of a verdict at once and all of them after that: it must end where one plan
/// of all does, and leave the other services alone on the way.
void World::check_verdicts_first(Plan const& plan, Rulings const& before) {
    std::set<std::string> services;
    std::set<BackendKey> backends;
    for (auto const& [key, ruling] : rulings_.of)
        if (auto const was = before.of.find(key); was != before.of.end() && was->second != ruling) {
            services.insert(key.service);
            backends.insert(key);
        }
    auto few = input();
    PlanScope const scope{services, backends};
    few.only = &scope;
    auto const first = plan_next(few, current_);
    bool const all_known = current_.services.size() == plan.next.services.size();
    for (auto const& now : first.next.services)
        if (all_known && !services.contains(now.name) &&
            first.next.backends.block_of(now.id) != current_.backends.block_of(now.id) &&
            first.next.backends != plan.next.backends) // a reload: all were looked at
            fail(now.name + " was touched by a verdict on another service");
    if (plan_next(input(), first.next).next.backends != plan.next.backends)
        fail("a verdict that was published first led elsewhere");
}

void World::check(Plan const& plan, Rulings const& before) {
    for (auto& server : servers_)
        check_server(server, current_, plan.next, before);
    for (auto const& service : plan.next.services) {
        check_rules(service, current_, plan.next);
        check_slots(service, current_, plan.next);
    }
    if (rulings_.next && *rulings_.next <= now_) fail("time alone changes nothing, and yet asks for it");
    if (plan.changes.empty() && (plan.slots_moved > 0 || plan.cuts_sessions)) fail("a change is not listed");
}

void World::check_server(Server& server, Generation const& was, Generation const& next,
                         Rulings const& before) {
    auto const name = text(server.key);
    auto const* now = next.find(server.key);
    auto const* then = was.find(server.key);
    if (!now) return;
    if (now->eligible && now->admin != AdminState::ready) fail(name + " takes flows against an order");
    auto const* service = next.find(server.key.service);
    if (now->eligible && withdrew(now->measured)) fail(name + " takes flows against its own wish");
    if (now->eligible && now->measured != MeasuredState::up && !service->panic)
        fail(name + " takes flows and is not up");
    if (server.dead && now->eligible && !service->panic && server.track) {
        if (now_ - *server.dead > found_at_last) fail(name + " is dead and takes flows still");
        // Unless it was silent just before and its fall is held, as all others'.
        bool const is_held = rulings_.of.at(server.key).by == RuledBy::held;
        if (server.was_up && setup_.traffic && server.mode == Mode::refusing && now_ >= own_fault_ended_ &&
            !is_held && now_ - *server.dead > found_under_traffic)
            fail(name + " refuses its clients and takes flows still");
    }
    if (!then) return;
    bool const ends = then->keeps_sessions && !now->keeps_sessions;
    if (now->id != then->id) fail(name + " has another id");
    if (now->incarnation != then->incarnation + (ends ? 1 : 0)) fail(name + " has the wrong incarnation");

    auto const earlier = before.of.find(server.key);
    auto const later = rulings_.of.find(server.key);
    if (earlier == before.of.end() || later == rulings_.of.end()) return;
    bool const fell = works(earlier->second.measured) && later->second.measured == MeasuredState::down &&
                      later->second.by == RuledBy::probes;
    bool const was_held = earlier->second.by == RuledBy::held; // and nothing has spoken for it since
    if (fell && !was_held && now_ - server.faulty > fault_lingers)
        fail(name + " was judged for nothing of its own");
    if (fell && !was_held && now_ < dead_link_until_ && server.mode <= Mode::asking &&
        dead_link_since_ > std::max(server.changed, mute_until_) + 3s)
        fail(name + " was judged while our own link was down");
}

void World::check_rules(GenerationService const& service, Generation const& was, Generation const& next) {
    unsigned counted = 0;
    unsigned up = 0;
    unsigned unknown = 0;
    bool suppressed = false;
    bool newly = false;
    bool starting = false;
    bool running = false;
    for (auto const& backend : next.backends) {
        if (backend.service != service.id || backend.admin != AdminState::ready) continue;
        auto const by = rulings_.of.at(backend.key).by;
        auto const* then = was.find(backend.key);
        bool const kept_out = by == RuledBy::damped || by == RuledBy::ejected;
        suppressed |= kept_out;
        newly |= kept_out && then && then->measured == MeasuredState::up;
        starting |= backend.state() == State::starting;
        running |= backend.state() == State::up || backend.measured == MeasuredState::draining;
        counted += !withdrew(backend.measured);
        up += backend.measured == MeasuredState::up;
        unknown += backend.measured == MeasuredState::unknown;
    }
    if (suppressed && (up + unknown) * 2 < counted) fail(service.name + " was damped below half");
    if (newly && up * 2 < counted) fail(service.name + " lost a backend in the hope of others");
    if (starting && !running) fail(service.name + " starts slowly with nobody else");
}

void World::check_slots(GenerationService const& service, Generation const& was, Generation const& next) {
    auto const* before = was.find(service.name);
    if (!before || before->maglev->empty() || service.maglev->empty()) return;
    double expected = 0;
    auto const total_then = total_weight(was, service.name);
    auto const total_now = total_weight(next, service.name);
    for (auto const& backend : next.backends) {
        auto const* then = was.find(backend.key);
        if (backend.service == service.id)
            expected += std::abs(share(backend, total_now) - (then ? share(*then, total_then) : 0));
    }
    for (auto const& then : was.backends)
        if (then.key.service == service.name && !next.find(then.key)) expected += share(then, total_then);
    auto const moved = static_cast<double>(slots_moved(*before->maglev, *service.maglev)) / maglev_size;
    if (moved >
        expected + table_noise) // `expected` counts each moved share twice: where it left and where it went
        fail(service.name + " moved " + std::to_string(moved) + " of its slots for " +
             std::to_string(expected));
}

} // namespace pointsman::sim
