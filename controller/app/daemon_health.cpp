// What the daemon makes of probes.
#include "controller/app/daemon.hpp"

#include "controller/api/text_escape.hpp"
#include "controller/model/key_cursor.hpp"
#include "controller/model/names.hpp"

#include <algorithm>
#include <spdlog/spdlog.h>
#include <utility>

namespace json = boost::json;

namespace pointsman {
namespace {

using Clock = std::chrono::steady_clock;

/// Does a row of outcomes run against the state?
bool is_in_a_row(HealthState const& health) {
    if (health.state == MeasuredState::resting) return false;
    if (!works(health.state)) return health.passed_in_row > 0;
    return health.suspect || health.failed_in_row > 0 || health.history != 0;
}

/// Those on which the verdict ruled otherwise, in all services that it is about.
PlanScope scope_of(std::vector<BackendKey> const& verdict, std::vector<ChangedRuling> const& ruled) {
    PlanScope scope{{}, std::set<BackendKey>{}};
    for (auto const& key : verdict)
        scope.services.insert(key.service);
    for (auto const& each : ruled)
        scope.backends->insert(each.key);
    return scope;
}

State state_now(GenerationBackend const& backend, Ruling const* ruling, AdminState admin) {
    bool const ruled = ruling && ruling->measured != MeasuredState::unknown; // not without a check
    return state_of(ruled ? ruling->measured : backend.measured, admin);
}

Ruling const* pointer_to(std::optional<Ruling> const& ruling) {
    return ruling ? &*ruling : nullptr;
}

/// What it takes to come to the same verdict again.
void add_grounds(json::object& record, NotedProbe const& probe, ProbeReport const& report,
                 Answers const& answers) {
    record["row_from"] = row_json(report.row_from);
    record["evidence"] = evidence_json(report.evidence, probe.check);
    add_answers(record, answers);
}

} // namespace

void Daemon::tell(BackendKey const& key, std::string because) {
    stories_[key] = {std::chrono::system_clock::now(), std::move(because)};
}

void Daemon::cause(Cause cause) {
    if (!cause_) cause_ = cause;
}

/// Counts what is measured and ordered now: of several changes in one turn, each sees those before it.
Effect Daemon::effect_on(GenerationBackend const& backend) const {
    Effect effect;
    KeyCursor rulings{rulings_.of};
    KeyCursor admin{admin_.states()};
    for (auto const& each : generation().backends.of(backend.service)) {
        ++effect.total;
        effect.healthy +=
            is_healthy(state_now(each, rulings.find(each.key), admin.value_or(each.key, AdminState::ready)));
    }
    std::uint64_t established = 0;
    std::uint64_t closed = 0;
    auto const& programs = datapath_.programs();
    auto const counters = programs.backend_counters();
    for (auto i = static_cast<std::size_t>(backend.id); i < counters.size(); i += programs.room().backends) {
        established += counters[i].established;
        closed += counters[i].closed + counters[i].cut;
    }
    effect.sessions_on_backend = established > closed ? established - closed : 0;
    if (auto const* service = generation().find(backend.key.service))
        effect.policy = name_of(service->on_down);
    return effect;
}

void Daemon::on_report(ProbeReport const& report) {
    instruments_.probe_seconds.Observe(seconds_of(report.outcome.duration));
    instruments_.probe_lateness.Observe(seconds_of(report.started - report.due));
    ++instruments_.outcomes[report.outcome.code];
    auto const noted = health_.note(report);
    datapath_.note_alive();
    if (report.transition || is_in_a_row(report.state)) keeper_.changed(StateKeeper::Haste::soon);
    if (report.outcome.code == OutcomeCode::OWN) return own_fault(report);
    bool const silent = is_silent(report.outcome);
    bool const fell = report.transition && report.transition->now == MeasuredState::down;
    auto const answers = fell ? judgement_.take_answers() : Answers{};
    auto const now = Clock::now();
    std::vector<Alarm> alarms;
    std::vector<BackendKey> changed;
    for (auto const& probe : noted) {
        if (probe.as_before) continue;
        if (report.state.state != MeasuredState::down) path_findings_.erase(probe.key);
        Finding const finding{probe.measured, !report.outcome.passed(), silent};
        if (auto alarm = judgement_.note(probe.key, finding, now)) alarms.push_back(std::move(*alarm));
        if (!probe.transition) continue;
        changed.push_back(probe.key);
    }
    if (fell && report.target.service)
        for (auto const& probe : noted)
            ask_directly(probe, report);
    if (report.transition || !changed.empty()) on_verdict(report, noted, changed, answers, now);
    on_wishes(report, noted, now);
    if (!report.transition) foresee(report, noted);
    for (auto const& alarm : alarms)
        raise(alarm);
}

/// Rules on those that changed, records it, publishes.
void Daemon::on_verdict(ProbeReport const& report, std::vector<NotedProbe> const& noted,
                        std::vector<BackendKey> const& changed, Answers answers, Clock::time_point now) {
    auto const ruled = judge(changed, now);
    auto const tell = [&] {
        std::map<BackendKey, std::optional<Ruling>> before;
        for (auto const& each : ruled)
            before.try_emplace(each.key, each.was);
        for (auto const& probe : noted) {
            if (probe.transition && generation().find(probe.key)) {
                auto const known = before.find(probe.key);
                auto const* ruling = known == before.end() ? ruling_of(probe.key) : pointer_to(known->second);
                on_transition(probe, report, ruling, answers, now);
            } else {
                on_hidden_transition(probe, report, answers, now);
            }
            answers = {}; // told
        }
        tell_of(ruled, changed, now);
    };
    bool const is_urgent = std::ranges::any_of(noted, [](NotedProbe const& probe) { // first ones: together
        return probe.transition && probe.transition->was != MeasuredState::unknown;
    });
    if (is_urgent) return publisher_.publish_now(scope_of(changed, ruled), tell);
    tell();
    if (!changed.empty()) publisher_.mark_dirty();
}

/// The first of a row of probes that lead to a verdict: what it would change is planned and written now, of
/// all services that share the check. Of the loop's time this takes a twentieth at the most, also while
/// thousands fail.
void Daemon::foresee(ProbeReport const& report, std::vector<NotedProbe> const& noted) {
    bool const falls = works(report.state.state) && !report.outcome.passed();
    bool const rises = report.state.state == MeasuredState::down && report.outcome.passed();
    auto const began = Clock::now();
    if ((!falls && !rises) || began < foresee_again_) return;
    auto const next = rises ? MeasuredState::up : MeasuredState::down;
    PlanScope scope{{}, std::set<BackendKey>{}};
    std::vector<std::pair<MeasuredState*, MeasuredState>> as_ruled;
    for (auto const& probe : noted) {
        auto const found = ruled_states_.find(probe.key);
        if (found == ruled_states_.end() || found->second != report.state.state) continue;
        scope.services.insert(probe.key.service);
        scope.backends->insert(probe.key);
        as_ruled.emplace_back(&found->second, std::exchange(found->second, next));
    }
    if (!as_ruled.empty()) publisher_.foresee(scope);
    for (auto const& [state, was] : as_ruled)
        *state = was;
    foresee_again_ = began + 20 * (Clock::now() - began);
}

/// Told after the commit, if there is one: it takes longer than what packets wait for.
void Daemon::on_transition(NotedProbe const& probe, ProbeReport const& report, Ruling const* before,
                           Answers const& answers, Clock::time_point now) {
    auto const& key = probe.key;
    auto const* backend = generation().find(key);
    auto const* ruling = ruling_of(key);
    if (!backend || !ruling) return;
    auto const because = because_of(report.outcome);
    auto const was = state_of(before ? before->measured : probe.transition->was, backend->admin);
    auto const is = state_of(ruling->measured, backend->admin);
    auto const evidence = report.first_failure.value_or(report.started);
    auto const effect = effect_on(*backend);
    json::object record = subject_json(*backend);
    record["was"] = name_of(was);
    record["now"] = name_of(is);
    record["measured"] = name_of(probe.transition->now);
    record["because"] = because;
    record["check"] = probe.check;
    record["via"] = way_of(report.target);
    if (ruling->by != RuledBy::probes) record["ruled_by"] = name_of(ruling->by);
    add_grounds(record, probe, report, answers);
    record["effect"] = effect_json(effect);
    record["detect_us"] = microseconds_of(now - evidence);
    if (auto const handshake = traffic_.last_handshake(report.target.address, report.target.port);
        handshake && report.target.check->policy.passive == Passive::replace)
        record["last_handshake_us"] = microseconds_of(now - *handshake);
    auto const seq = audit_.write("health", record, Moment::at(now));
    auto const is_failover = is_healthy(was) && is == State::down;
    cause({seq, now, is_failover ? std::optional{evidence} : std::nullopt});
    ++instruments_.transitions[key];
    if (backend->admin == AdminState::ready)
        tell(key, std::string{ruling->by == RuledBy::probes ? because : name_of(ruling->by)});
    spdlog::log(works(probe.transition->now) ? spdlog::level::info : spdlog::level::warn,
                "{} is {} ({} by check {}{}{}), was {}: {} of {} healthy{}", text(key), name_of(is), because,
                probe.check, report.outcome.text.empty() ? "" : ": " + escape_octets(report.outcome.text),
                backend->admin == AdminState::ready ? "" : ", by its probes", name_of(was), effect.healthy,
                effect.total, is_failover ? "; established flows: " + std::string{effect.policy} : "");
}

/// Of a check whose backend stays what it is because of another one, or is not published yet.
void Daemon::on_hidden_transition(NotedProbe const& probe, ProbeReport const& report, Answers const& answers,
                                  Clock::time_point now) {
    if (!report.transition) return;
    json::object record{{"service", probe.key.service}, {"backend", probe.key.backend}};
    record["check"] = probe.check;
    record["was"] = name_of(report.transition->was);
    record["now"] = name_of(report.transition->now);
    record["because"] = because_of(report.outcome);
    record["via"] = way_of(report.target);
    add_grounds(record, probe, report, answers);
    audit_.write("check", record, Moment::at(now));
}

/// Agents that want another share of their weights. One whose check changes its state by the same answer is
/// told of by that record.
void Daemon::on_wishes(ProbeReport const& report, std::vector<NotedProbe> const& noted,
                       Clock::time_point now) {
    for (auto const& probe : noted) {
        if (probe.percent == probe.percent_was) continue;
        publisher_.mark_dirty();
        keeper_.changed(StateKeeper::Haste::soon);
        auto const* backend = generation().find(probe.key);
        if (report.transition || !probe.percent) continue;
        json::object record{{"service", probe.key.service}, {"backend", probe.key.backend}};
        if (backend) record = subject_json(*backend);
        add_wish(record, probe, health_.percents().at(probe.key));
        cause({audit_.write("agent", record, Moment::at(now)), now, std::nullopt});
        spdlog::debug("{}: check {} asks for {} of its weight, was {}", text(probe.key), probe.check,
                      percent_text(probe.percent), percent_text(probe.percent_was));
    }
}

} // namespace pointsman
