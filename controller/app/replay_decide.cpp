// What replay decides again: verdicts, rulings, orders, publishes.
#include "controller/app/records.hpp"
#include "controller/app/replay.hpp"
#include "controller/app/replay_read.hpp"
#include "controller/model/names.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <set>

namespace json = boost::json;

namespace pointsman {
namespace {

using Result = Replayed::Result;

constexpr std::size_t most_listed = 16; ///< changes, backends: a difference is to be read

Replayed judged(std::vector<Difference> differences, std::string grounds) {
    Replayed out;
    out.result = differences.empty() ? Result::same : Result::differs;
    if (!differences.empty()) out.grounds = std::move(grounds);
    out.differences = std::move(differences);
    return out;
}

void compare(std::vector<Difference>& differences, json::object const& record, std::string_view key,
             std::string_view core) {
    auto trail = word_of(record, key);
    if (trail != core) differences.push_back({std::string{key}, std::move(trail), std::string{core}});
}

std::string_view ruled_by(Ruling const& ruling) {
    return ruling.by == RuledBy::probes ? std::string_view{} : name_of(ruling.by);
}

std::string text_of(HealthState const& row) {
    auto text = std::string{name_of(row.state)};
    if (row.failed_in_row > 0) text += ", " + std::to_string(row.failed_in_row) + " failed in a row";
    if (row.passed_in_row > 0) text += ", " + std::to_string(row.passed_in_row) + " passed in a row";
    return text;
}

std::string text_of(HealthPolicy const& policy) {
    auto const fall =
        policy.window ? std::to_string(policy.window->failures) + " of " + std::to_string(policy.window->of)
                      : std::to_string(policy.fall);
    return "rise " + std::to_string(policy.rise) + ", fall " + fall;
}

std::string outcomes_of(json::object const& record) {
    std::string text;
    for (auto const& entry : array_of(record, "evidence"))
        if (entry.is_object()) text += " " + word_of(entry.get_object(), "outcome");
    return text;
}

/// Entries of one list that the other lacks, on the side where they are.
void compare_changes(std::vector<Difference>& differences, json::array const& trail,
                     json::array const& core) {
    auto const lacks = [](json::array const& list, json::value const& entry) {
        return std::ranges::find(list, entry) == list.end();
    };
    std::size_t found = 0;
    for (auto const& entry : trail)
        if (lacks(core, entry) && ++found <= most_listed)
            differences.push_back({"changes", json::serialize(entry), {}});
    for (auto const& entry : core)
        if (lacks(trail, entry) && ++found <= most_listed)
            differences.push_back({"changes", {}, json::serialize(entry)});
    if (found > most_listed)
        differences.push_back({"changes", {}, std::to_string(found - most_listed) + " more differences"});
    if (found == 0 && trail != core)
        differences.push_back({"changes", json::serialize(trail), json::serialize(core)});
}

} // namespace

Replayed Replay::unknown(BackendKey const& key) const {
    if (!instead_) return judged({{"backend", text(key), {}}}, "configuration " + hash_ + " of " + file_);
    Replayed out;
    out.result = Result::undecided;
    out.why = text(key) + " or its check is not in the other configuration";
    out.harmless = true;
    return out;
}

Replayed Replay::on_admin(json::object const& record) {
    auto const key = key_of(record);
    auto const* backend = current_.find(key);
    if (!backend) return unknown(key);
    if (!record.contains("order")) throw TrailError{"the field `order` is missing"};
    auto const state = admin_state_of(word_of(record, "order"));
    std::vector<Difference> differences;
    compare(differences, record, "was", name_of(backend->state()));
    compare(differences, record, "now", name_of(state_of(backend->measured, state)));
    auto out = judged(std::move(differences), grounds_of(key));
    if (state == AdminState::maint) {
        health_.forget(key);
        judgement_.rest(key);
    }
    if (state == AdminState::ready) (void)health_.forget_wishes(key);
    admin_.set(key, AdminOrder{state, {}, {}, {}});
    return out;
}

Replayed Replay::on_weight(json::object const& record) {
    auto const key = key_of(record);
    auto const* backend = current_.find(key);
    if (!backend) return unknown(key);
    WeightOrder order{weight_of(record), {}, 0};
    for (auto const& service : desired_->services)
        for (auto const& configured : service.backends)
            if (BackendKey{service.name, configured.name} == key) order.configured = configured.weight;
    std::vector<Difference> differences;
    compare(differences, record, "was", std::to_string(backend->weight));
    admin_.set(key, std::move(order));
    return judged(std::move(differences), grounds_of(key));
}

/// Of an agent's weights, the lowest counts; what follows is a publish.
Replayed Replay::on_agent(json::object const& record) {
    auto const key = key_of(record);
    auto const* check = check_of(record, key);
    if (!check) return unknown(key);
    auto const percent = static_cast<unsigned>(number_of(record, "percent", UINT16_MAX));
    std::vector<Difference> differences;
    compare(differences, record, "was", percent_text(check->health.wishes.weight_percent));
    compare(differences, record, "now", percent_text(percent));
    (void)health_.wish(key, check->name, percent);
    compare(differences, record, "lowest", std::to_string(health_.percents().at(key)));
    return judged(std::move(differences), grounds_of(key));
}

/// As Daemon::plan (all services) and Daemon::judge (one).
void Replay::rule(std::string const* service, TimePoint now) {
    judgement_.update(rulings_, service, health_.measured(), admin_.states(), now);
}

/// As Daemon::on_report.
void Replay::note(std::vector<NotedProbe> noted, ProbeReport const& report, TimePoint now) {
    bool const silent = is_silent(report.outcome);
    std::set<std::string> services;
    for (auto const& probe : noted) {
        if (probe.as_before) continue;
        (void)judgement_.note(probe.key, {probe.measured, !report.outcome.passed(), silent}, now);
        if (probe.transition) services.insert(probe.key.service);
    }
    noted_ = std::move(noted);
    before_ = rulings_;
    for (auto const& service : services)
        rule(&service, now);
}

/// Runs the state machine over the probes that a record rests on, from the state that it says was there.
/// @return what comes out differently.
std::optional<Difference> Replay::run_probes(json::object const& record, CheckHealth const& check,
                                             TimePoint now) {
    auto const target = check.target;
    auto state = row_of(record);
    auto const known = check.health.state;
    std::optional<Transition> moved;
    Outcome outcome;
    TimePoint started;
    std::size_t used = 0;
    auto const& evidence = array_of(record, "evidence");
    for (auto const& entry : evidence) {
        if (!entry.is_object()) throw TrailError{"an entry of `evidence` is no object"};
        if (moved) break;
        outcome = outcome_of(entry.get_object());
        started = time_of(entry.get_object());
        auto const step = on_outcome(state, outcome.code, target.check->policy, wishes_of(outcome));
        state = step.state;
        moved = step.transition;
        ++used;
    }
    judgement_.recall(answers_of(record), now);
    ProbeReport const report{target, outcome, state, moved, started, std::nullopt, {}, {}, {}};
    auto const verdict = std::string{name_of(state.state)} + " after " + std::to_string(used) + " probes";
    auto const written = std::to_string(evidence.size()) + " probes";
    if (row_of(record).state != known)
        return Difference{"state before", text_of(row_of(record)), std::string{name_of(known)}};
    if (!moved) return Difference{"verdict", "after " + written, "none, stays " + text_of(state)};
    note(health_.note(report), report, now);
    if (used < evidence.size()) return Difference{"verdict", "after " + written, verdict};
    return std::nullopt;
}

CheckHealth const* Replay::check_of(json::object const& record, BackendKey const& key) const {
    auto const checks = health_.checks(key);
    auto const found = std::ranges::find(checks, word_of(record, "check"), &CheckHealth::name);
    return found == checks.end() ? nullptr : &*found;
}

/// Probes leave their services' way when it cannot be used, and come back to it.
void Replay::go_by_way_of(json::object const& record, BackendKey const& key) {
    auto const* check = check_of(record, key);
    auto const via = word_of(record, "via");
    if (!check || via.empty() || via == way_of(check->target)) return;
    directly_ = via == "direct";
    assign();
}

Replayed Replay::on_probes(json::object const& record) {
    if (array_of(record, "evidence").empty()) throw TrailError{"the field `evidence` has no probe"};
    auto const key = key_of(record);
    go_by_way_of(record, key);
    auto const* check = check_of(record, key);
    if (!check) return unknown(key);
    auto const grounds = "check " + check->name + " (" + text_of(check->target.check->policy) + "), " +
                         text_of(row_of(record)) + ", then" + outcomes_of(record);
    auto const is_this = [&](NotedProbe const& each) { return each.key == key && each.check == check->name; };
    std::vector<Difference> differences;
    // Several backends may share a probe: the first record of them runs it.
    if (std::ranges::none_of(noted_, is_this)) {
        for (auto const& left : std::exchange(noted_, {}))
            differences.push_back({"record before", {}, "a change of " + text(left.key)});
        if (auto found = run_probes(record, *check, moment(record))) differences.push_back(std::move(*found));
    }
    auto const found = std::ranges::find_if(noted_, is_this);
    if (found == noted_.end()) return judged(std::move(differences), grounds);
    auto const noted = *found;
    noted_.erase(found);
    compare_verdict(record, noted, differences);
    return judged(std::move(differences), grounds + "; " + grounds_of(key));
}

void Replay::compare_verdict(json::object const& record, NotedProbe const& noted,
                             std::vector<Difference>& differences) const {
    auto const* backend = current_.find(noted.key);
    auto const last = outcome_of(array_of(record, "evidence").back().as_object());
    compare(differences, record, "because", because_of(last));
    bool const shows = noted.transition && backend;
    compare(differences, record, "kind", shows ? "health" : "check");
    if (!shows) {
        auto const* check = check_of(record, noted.key);
        return compare(differences, record, "now", check ? name_of(check->health.state) : "");
    }
    auto const ruling = rulings_.of.find(noted.key);
    if (ruling == rulings_.of.end()) return;
    auto const earlier = before_.of.find(noted.key);
    auto const was = earlier == before_.of.end() ? noted.transition->was : earlier->second.measured;
    compare(differences, record, "was", name_of(state_of(was, backend->admin)));
    compare(differences, record, "now", name_of(state_of(ruling->second.measured, backend->admin)));
    compare(differences, record, "measured", name_of(noted.transition->now));
    compare(differences, record, "ruled_by", ruled_by(ruling->second));
}

/// Rulings are told of after a verdict on the same service, or when a plan rules on all.
Replayed Replay::on_ruling(json::object const& record) {
    auto const key = key_of(record);
    auto const* backend = current_.find(key);
    if (!backend) return unknown(key);
    auto const now = moment(record);
    auto const differences = [&] {
        std::vector<Difference> found;
        auto const ruling = rulings_.of[key];
        auto const because = ruling.by == RuledBy::probes ? std::string_view{"released"} : name_of(ruling.by);
        compare(found, record, "now", name_of(state_of(ruling.measured, backend->admin)));
        compare(found, record, "because", because);
        return found;
    };
    if (!differences().empty()) rule(nullptr, now);
    return judged(differences(), grounds_of(key));
}

/// @param only what the daemon looked at, or nullptr.
Plan Replay::plan(PlanScope const* only) const {
    std::map<BackendKey, MeasuredState> measured;
    std::map<BackendKey, Adjustment> adjust;
    for (auto const& [key, ruling] : rulings_.of) {
        measured[key] = ruling.measured;
        if (ruling.ramp < full_ramp) adjust[key].ramp = ruling.ramp;
    }
    for (auto const& [key, order] : admin_.weights())
        adjust[key].weight = order.weight;
    for (auto const& [key, percent] : health_.percents())
        adjust[key].weight_percent = percent;
    return plan_next({*desired_, measured, admin_.states(), view_, std::move(adjust), only}, current_);
}

Replayed Replay::on_publish(json::object const& record) {
    PlanScope only; // verdicts have ruled on it
    if (record.contains("services"))
        for (auto const& service : array_of(record, "services"))
            if (service.is_string()) only.services.emplace(service.get_string());
    if (only.services.empty()) rule(nullptr, moment(record, "planned_mono_ns"));
    auto planned = plan(only.services.empty() ? nullptr : &only);
    auto const& generation = object_of(record, "generation");
    auto const to = number_of(generation, "to");
    std::vector<Difference> differences;
    compare_changes(differences, array_of(record, "changes"), changes_json(planned.changes));
    compare(differences, generation, "slots_moved", std::to_string(planned.slots_moved));
    auto out = judged(std::move(differences), grounds_of_plan(planned, record));
    current_ = std::move(planned.next);
    current_.number = to;
    published_ = std::move(planned.changes);
    follow_own_links(moment(record));
    if (std::exchange(resumed_, false) && out.result == Result::differs) {
        out = {};
        published_.reset();
        out.result = Result::undecided;
        out.why = "it goes on from tables of another daemon, which the trail does not hold";
        out.harmless = true;
    }
    return out;
}

Replayed Replay::on_consequence(json::object const& record, Change::Kind kind) const {
    if (!published_) {
        Replayed out;
        out.result = Result::undecided;
        out.why = "it follows from a publish that is undecided";
        out.harmless = true;
        return out;
    }
    auto const follows = std::ranges::any_of(*published_, [&](Change const& change) {
        return change.kind == kind && change.key.service == word_of(record, "service") &&
               change.was == word_of(record, "was") && change.now == word_of(record, "now");
    });
    if (follows) return judged({}, {});
    return judged({{std::string{name_of(kind)}, word_of(record, "now"), {}}},
                  "generation " + std::to_string(current_.number));
}

std::string Replay::grounds_of(BackendKey const& key) const {
    auto const ruling = rulings_.of.find(key);
    auto const order = admin_.states().find(key);
    auto const* backend = current_.find(key);
    auto out = text(key) + " is";
    if (ruling != rulings_.of.end())
        out += " " + std::string{name_of(ruling->second.measured)} + " by " +
               std::string{name_of(ruling->second.by)} + ",";
    out += " " + std::string{name_of(order == admin_.states().end() ? AdminState::ready : order->second)};
    if (backend) out += ", weight " + std::to_string(backend->weight);
    if (auto const percent = health_.percents().find(key); percent != health_.percents().end())
        out += ", " + percent_text(percent->second) + " of it by its agent";
    if (ruling != rulings_.of.end() && ruling->second.ramp < full_ramp)
        out += ", step " + std::to_string(ruling->second.ramp) + " of its slow start";
    return out;
}

/// The backends of every service that the trail or the plan changes.
std::string Replay::grounds_of_plan(Plan const& planned, json::object const& record) const {
    std::set<std::string> services;
    for (auto const& change : planned.changes)
        services.insert(change.key.service);
    for (auto const& change : array_of(record, "changes"))
        if (change.is_object()) services.insert(word_of(change.get_object(), "service"));
    auto out = instead_ ? std::string{"the other configuration"} : "configuration " + hash_ + " of " + file_;
    std::size_t listed = 0;
    for (auto const& [key, ruling] : rulings_.of)
        if (services.contains(key.service) && ++listed <= most_listed) out += "; " + grounds_of(key);
    if (listed > most_listed) out += "; and " + std::to_string(listed - most_listed) + " more";
    return out;
}

} // namespace pointsman
