#include "controller/app/replay.hpp"

#include "controller/app/network_record.hpp"
#include "controller/app/records.hpp"
#include "controller/app/replay_read.hpp"
#include "controller/app/saved_state.hpp"
#include "controller/config/parse.hpp"
#include "controller/model/names.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>

namespace json = boost::json;

namespace pointsman {
namespace {

using Result = Replayed::Result;

Replayed judged(std::string difference) {
    if (difference.empty()) return {Result::same, {}};
    return {Result::differs, std::move(difference)};
}

std::string joined(std::string const& text, std::string const& more) {
    return text.empty() || more.empty() ? text + more : text + "; " + more;
}

/// "now: the trail says down, deciding again gives up"; nothing when they agree.
std::string compared(json::object const& record, std::string_view key, std::string_view again) {
    auto const written = word_of(record, key);
    if (written == again) return {};
    return std::string{key} + ": the trail says " + (written.empty() ? "nothing" : written) +
           ", deciding again gives " + (again.empty() ? "nothing" : std::string{again});
}

std::string_view ruled_by(Ruling const& ruling) {
    return ruling.by == RuledBy::probes ? std::string_view{} : name_of(ruling.by);
}

} // namespace

std::string_view name_of(Replayed::Result value) noexcept {
    switch (value) {
    case Result::fact: return "fact";
    case Result::same: return "same";
    case Result::differs: return "differs";
    case Result::undecided: return "undecided";
    }
    std::unreachable();
}

Replayed Replay::take(json::object const& record) {
    try {
        bool const starts = word_of(record, "kind") == "start";
        auto gap = follow_sequence(record);
        if (gap && !starts) undecided_ = std::move(*gap);
        if (starts) undecided_.clear();
        return decide(record);
    } catch (std::exception const& fault) {
        undecided_ = std::string{"a record has another form ("} + fault.what() + ")";
        return {Result::undecided, undecided_};
    }
}

/// @return what is missing before this record.
std::optional<std::string> Replay::follow_sequence(json::object const& record) {
    auto const seq = record.at("seq").to_number<std::uint64_t>();
    auto const before = std::exchange(seq_, seq);
    if (before == 0 && word_of(record, "kind") != "start")
        return "the trail begins in the middle, at record " + std::to_string(seq) +
               ": put the files that were rotated before this one";
    if (before != 0 && seq != before + 1)
        return "records are missing between " + std::to_string(before) + " and " + std::to_string(seq);
    if (word_of(record, "kind") == "lost") return "the disk refused records before " + std::to_string(seq);
    return std::nullopt;
}

Replayed Replay::decide(json::object const& record) {
    auto const kind = word_of(record, "kind");
    bool const decides = kind == "health" || kind == "check" || kind == "publish" || kind == "panic" ||
                         kind == "announce" || kind == "admin";
    if (!undecided_.empty()) return {decides ? Result::undecided : Result::fact, undecided_};
    if (kind == "start") return on_start(record);
    if (kind == "resume") return on_resume(record);
    if (kind == "reload") return on_reload(record);
    if (kind == "network") return on_network(record);
    if (kind == "admin") return on_admin(record);
    if (kind == "passive") return on_passive(record);
    if (kind == "publish") return on_publish(record);
    if (kind == "panic") return on_consequence(record, Change::Kind::panic);
    if (kind == "announce") return on_consequence(record, Change::Kind::announce);
    if (kind == "check" || (kind == "health" && record.contains("evidence"))) return on_probes(record);
    if (kind == "health") return on_ruling(record);
    return {};
}

/// What start, reload and rollback do with a configuration. @return why it is none.
std::string Replay::configure(json::object const& config) {
    if (config.contains("text")) text_ = word_of(config, "text");
    if (config_hash(text_) != word_of(config, "hash"))
        return "the trail does not hold the configuration of this hash (an older version writes none)";
    auto parsed = parse_config(text_, word_of(config, "file"));
    if (!parsed.state) return "the configuration in the trail is not valid for this version";
    desired_ = std::move(*parsed.state);
    health_.assign(*desired_);
    judgement_.assign(*desired_);
    admin_.retain([this](BackendKey const& key) { return health_.knows(key); });
    admin_.drop_weights_changed_in(*desired_);
    return {};
}

Replayed Replay::on_start(json::object const& record) {
    auto const seq = seq_;
    auto current = std::move(current_);
    *this = {};
    seq_ = seq;
    resumed_ = word_of(record, "tables") != "fresh";
    if (resumed_) current_ = std::move(current);
    undecided_ = configure(record.at("config").as_object());
    return {undecided_.empty() ? Result::fact : Result::undecided, undecided_};
}

Replayed Replay::on_resume(json::object const& record) {
    auto const text = json::serialize(record.at("state"));
    auto const read = decode(text, word_of(record.at("state").as_object(), "bpffs"));
    if (!read.state) {
        undecided_ = "what this daemon inherited cannot be read: " + read.problem;
        return {Result::undecided, undecided_};
    }
    std::map<BackendKey, CheckStates> states;
    for (auto const& service : read.state->services)
        for (auto const& backend : service.backends) {
            BackendKey const key{service.name, backend.name};
            if (!backend.checks.empty()) states[key] = backend.checks;
            if (backend.order) admin_.set(key, {backend.order->state, backend.order->reason, {}, {}});
            if (backend.weight_order) admin_.set(key, *backend.weight_order);
        }
    health_.resume(states);
    return {};
}

Replayed Replay::on_reload(json::object const& record) {
    auto const result = word_of(record, "result");
    if (result != "applied" && result != "rolled_back") return {};
    undecided_ = configure(record.at("config").as_object());
    return {undecided_.empty() ? Result::fact : Result::undecided, undecided_};
}

Replayed Replay::on_network(json::object const& record) {
    view_ = with_network_json(std::move(view_), record);
    follow_own_links(time_of(record));
    return {};
}

void Replay::follow_own_links(TimePoint now) {
    auto cut_off = cut_off_by_own_links(current_, view_);
    if (cut_off == cut_off_) return;
    cut_off_ = std::move(cut_off);
    judgement_.cut_off(cut_off_.backends, now);
}

Replayed Replay::on_admin(json::object const& record) {
    auto const key = key_of(record);
    auto const* backend = current_.find(key);
    if (!backend) return {Result::differs, "there is no such backend"};
    if (word_of(record, "because") == "weight") {
        auto const again = compared(record, "was", std::to_string(backend->weight));
        WeightOrder order{static_cast<unsigned>(std::stoul(word_of(record, "now"))), {}, 0};
        for (auto const& service : desired_->services)
            for (auto const& configured : service.backends)
                if (BackendKey{service.name, configured.name} == key) order.configured = configured.weight;
        admin_.set(key, std::move(order));
        return judged(again);
    }
    auto const state = admin_state_of(word_of(record, "order"));
    auto again = compared(record, "was", name_of(backend->state()));
    again = joined(again, compared(record, "now", name_of(state_of(backend->measured, state))));
    if (state == AdminState::maint) {
        health_.forget(key);
        judgement_.rest(key);
    }
    admin_.set(key, AdminOrder{state, {}, {}, {}});
    return judged(again);
}

Replayed Replay::on_passive(json::object const& record) {
    if (word_of(record, "because") == "clients_failed")
        (void)judgement_.eject(key_of(record), time_of(record));
    return {};
}

void Replay::rule(TimePoint now) {
    rulings_ = judgement_.rule(health_.measured(), admin_.states(), now);
}

/// Of others whose probes went unanswered by then, the trail says who; their verdicts came later or never.
void Replay::note_unanswered(json::object const& record, TimePoint now) {
    auto const* listed = record.if_contains("unanswered");
    if (!listed) return;
    std::set<BackendKey> unanswered;
    for (auto const& entry : listed->as_array())
        unanswered.insert(key_of(entry.as_object()));
    auto measured = health_.measured();
    for (auto const& [key, state] : measured) {
        bool const is_listed = unanswered.contains(key);
        if (is_listed != judgement_.unanswered().contains(key))
            (void)judgement_.note(key, {state, is_listed, is_listed}, now);
    }
}

void Replay::note(std::vector<NotedProbe> const& noted, ProbeReport const& report, TimePoint now) {
    bool const silent = is_silent(report.outcome);
    for (auto const& probe : noted) {
        (void)judgement_.note(probe.key, {probe.measured, !report.outcome.passed(), silent}, now);
    }
    noted_ = noted;
    before_ = rulings_;
    rule(now);
}

/// Runs the state machine over the probes that a record rests on. @return what it finds differently.
std::string Replay::run_probes(json::object const& record, CheckHealth const& check, TimePoint now) {
    auto const target = check.target;
    auto state = row_of(record.at("row_from").as_object());
    if (state.state != check.health.state)
        return "before: the trail says " + std::string{name_of(state.state)} + ", deciding again gives " +
               std::string{name_of(check.health.state)};
    std::optional<Transition> moved;
    Outcome outcome;
    TimePoint started;
    for (auto const& entry : record.at("evidence").as_array()) {
        if (moved) return "the verdict came before the last of the probes in evidence";
        outcome = outcome_of(entry.as_object());
        started = time_of(entry.as_object());
        auto const step = on_outcome(state, outcome.code, target.check.policy, outcome.drains());
        state = step.state;
        moved = step.transition;
    }
    if (!moved) return "the probes in evidence do not suffice for a verdict";
    note_unanswered(record, now);
    ProbeReport const report{target, outcome, state, moved, started, std::nullopt, {}, {}};
    note(health_.note(report), report, now);
    return {};
}

Replayed Replay::on_probes(json::object const& record) {
    auto const key = key_of(record);
    auto const checks = health_.checks(key);
    auto const check = std::ranges::find(checks, word_of(record, "check"), &CheckHealth::name);
    if (check == checks.end()) return {Result::differs, "there is no such check"};
    std::string again;
    auto const is_this = [&](NotedProbe const& each) { return each.key == key && each.check == check->name; };
    if (std::ranges::none_of(noted_,
                             is_this)) { // else another backend shares the probe, and its record came first
        if (!noted_.empty()) again = "a change of " + text(noted_.front().key) + " has no record";
        noted_.clear();
        again = joined(again, run_probes(record, *check, time_of(record)));
        if (!again.empty()) return {Result::differs, again};
    }
    auto const found = std::ranges::find_if(noted_, is_this);
    auto const moved = found->transition;
    noted_.erase(found);
    auto const* backend = current_.find(key);
    if (word_of(record, "kind") == "check")
        return judged(joined(compared(record, "now", name_of(check->health.state)),
                             moved && backend ? "the backend changes with its check" : ""));
    if (!moved || !backend) return {Result::differs, "the backend does not change with its check"};
    auto const& ruling = rulings_.of[key];
    auto const earlier = before_.of.find(key);
    auto const was = earlier == before_.of.end() ? moved->was : earlier->second.measured;
    again = joined(again, compared(record, "was", name_of(state_of(was, backend->admin))));
    again = joined(again, compared(record, "now", name_of(state_of(ruling.measured, backend->admin))));
    again = joined(again, compared(record, "measured", name_of(moved->now)));
    auto const last = outcome_of(record.at("evidence").as_array().back().as_object());
    again = joined(again, compared(record, "because", because_of(last)));
    return judged(joined(again, compared(record, "ruled_by", ruled_by(ruling))));
}

Replayed Replay::on_ruling(json::object const& record) {
    auto const key = key_of(record);
    auto const* backend = current_.find(key);
    if (!backend) return {Result::differs, "there is no such backend"};
    rule(time_of(record));
    auto const& ruling = rulings_.of[key];
    auto const because = ruling.by == RuledBy::probes ? std::string_view{"released"} : name_of(ruling.by);
    return judged(joined(compared(record, "now", name_of(state_of(ruling.measured, backend->admin))),
                         compared(record, "because", because)));
}

Plan Replay::plan() const {
    std::map<BackendKey, MeasuredState> measured;
    std::map<BackendKey, Adjustment> adjust;
    for (auto const& [key, ruling] : rulings_.of) {
        measured[key] = ruling.measured;
        if (ruling.ramp < full_ramp) adjust[key].ramp = ruling.ramp;
    }
    for (auto const& [key, order] : admin_.weights())
        adjust[key].weight = order.weight;
    return plan_next({*desired_, measured, admin_.states(), view_, std::move(adjust)}, current_);
}

Replayed Replay::on_publish(json::object const& record) {
    rule(time_of(record, "planned_mono_ns"));
    auto planned = plan();
    auto const& generation = record.at("generation").as_object();
    json::value const changes = changes_json(planned.changes); // braces would make it an array of one array
    std::string again;
    if (changes != record.at("changes"))
        again = "changes: the trail says " + json::serialize(record.at("changes")) +
                ", deciding again gives " + json::serialize(changes);
    if (generation.at("slots_moved").to_number<std::uint32_t>() != planned.slots_moved)
        again = joined(again, compared(generation, "slots_moved", std::to_string(planned.slots_moved)));
    current_ = std::move(planned.next);
    current_.number = generation.at("to").to_number<std::uint64_t>();
    published_ = std::move(planned.changes);
    follow_own_links(time_of(record));
    if (std::exchange(resumed_, false) && !again.empty())
        return {Result::undecided, "it goes on from tables of another daemon, which the trail does not hold"};
    return judged(again);
}

Replayed Replay::on_consequence(json::object const& record, Change::Kind kind) const {
    auto const follows = std::ranges::any_of(published_, [&](Change const& change) {
        return change.kind == kind && change.key.service == word_of(record, "service") &&
               change.was == word_of(record, "was") && change.now == word_of(record, "now");
    });
    return judged(follows ? "" : "it does not follow from the generation before it");
}

} // namespace pointsman
