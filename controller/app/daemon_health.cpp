// What the daemon makes of probes, connection events and publishes.
#include "controller/app/daemon.hpp"

#include "controller/api/text_escape.hpp"
#include "controller/model/names.hpp"

#include <algorithm>
#include <cstring>
#include <spdlog/spdlog.h>

namespace json = boost::json;

namespace pointsman {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::minutes alarm_interval{1};

std::int64_t microseconds(Clock::duration duration) {
    return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
}

/// Does a row of outcomes run against the state?
bool is_in_a_row(HealthState const& health) {
    return health.suspect ||
           (health.state == MeasuredState::down ? health.passed_in_row : health.failed_in_row) > 0;
}

double seconds(Clock::duration duration) {
    return std::chrono::duration<double>(duration).count();
}

} // namespace

Plan Daemon::plan(Generation const& current) const {
    return plan_next({desired_, health_.measured(), admin_.states(), view_}, current);
}

void Daemon::tell(BackendKey const& key, std::string because) {
    stories_[key] = {std::chrono::system_clock::now(), std::move(because)};
}

void Daemon::cause(Cause cause) {
    if (!cause_) cause_ = cause;
}

/// Counts what is measured and ordered now: of several changes in one turn, each sees those before it.
Effect Daemon::effect_on(GenerationBackend const& backend) const {
    Effect effect;
    for (auto const& other : generation().backends) {
        if (other.service != backend.service) continue;
        ++effect.total;
        effect.healthy += state_now(other) == State::up;
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

State Daemon::state_now(GenerationBackend const& backend) const {
    auto const measured = health_.measured().find(backend.key);
    auto const admin = admin_.states().find(backend.key);
    return state_of(measured == health_.measured().end() ? backend.measured : measured->second,
                    admin == admin_.states().end() ? AdminState::ready : admin->second);
}

void Daemon::on_report(ProbeReport const& report) {
    instruments_.probe_seconds.Observe(seconds(report.outcome.duration));
    ++instruments_.outcomes[report.outcome.code];
    auto const noted = health_.note(report);
    datapath_.note_alive();
    if (report.transition || is_in_a_row(report.state)) keeper_.changed(StateKeeper::Haste::soon);
    if (report.outcome.code == OutcomeCode::OWN) own_fault(report);
    bool changed = false;
    for (auto const& probe : noted) {
        if (!probe.transition) continue;
        on_transition(probe, report);
        changed = true;
    }
    if (changed) publisher_.mark_dirty();
}

/// Our own fault is nobody's verdict, but somebody has to act: once a minute at most.
void Daemon::own_fault(ProbeReport const& report) {
    auto const now = Clock::now();
    if (last_own_fault_ && now - *last_own_fault_ < alarm_interval) return;
    last_own_fault_ = now;
    auto const& outcome = report.outcome;
    std::string const cause = !outcome.text.empty() ? escape_octets(outcome.text)
                              : outcome.error == 0  ? "the process stood still"
                                                    : std::strerror(outcome.error);
    audit_.write("alarm", {{"because", "own_fault"}, {"errno", report.outcome.error}, {"text", cause}});
    spdlog::error("a probe could not be made ({}): no backend is judged by it; {}", cause,
                  outcome.text.empty() ? "raise the limits of this host" : "correct its check");
}

void Daemon::on_transition(NotedProbe const& probe, ProbeReport const& report) {
    auto const& key = probe.key;
    auto const* backend = generation().find(key);
    if (!backend) return;
    auto const now = Clock::now();
    auto const because = because_of(report.outcome);
    auto const was = state_of(probe.transition->was, backend->admin);
    auto const is = state_of(probe.transition->now, backend->admin);
    auto const evidence = report.first_failure.value_or(report.started);
    auto const effect = effect_on(*backend);
    json::object record = subject_json(*backend);
    record["was"] = name_of(was);
    record["now"] = name_of(is);
    record["measured"] = probe.transition->now == MeasuredState::up ? "up" : "down";
    record["because"] = because;
    record["check"] = probe.check;
    record["evidence"] = evidence_json(report.evidence, probe.check);
    record["effect"] = effect_json(effect);
    record["detect_us"] = microseconds(now - evidence);
    auto const seq = audit_.write("health", record);
    auto const is_failover = was == State::up && is == State::down;
    cause({seq, now, is_failover ? std::optional{evidence} : std::nullopt});
    ++instruments_.transitions[key];
    if (backend->admin == AdminState::ready) tell(key, std::string{because});
    spdlog::log(probe.transition->now == MeasuredState::up ? spdlog::level::info : spdlog::level::warn,
                "{} is {} ({} by check {}{}{}), was {}: {} of {} healthy{}", text(key), name_of(is), because,
                probe.check, report.outcome.text.empty() ? "" : ": " + escape_octets(report.outcome.text),
                backend->admin == AdminState::ready ? "" : ", by its probes", name_of(was), effect.healthy,
                effect.total, is_failover ? "; established flows: " + std::string{effect.policy} : "");
}

void Daemon::on_published(Published const& published) {
    auto const decided = cause_ ? cause_->decided : published.committed;
    auto const switch_time = published.committed - decided;
    json::object record{{"generation", generation_json(published)},
                        {"changes", changes_json(published.plan.changes)},
                        {"switch_us", microseconds(switch_time)}};
    if (cause_) record["cause_seq"] = cause_->seq;
    Moment when = Moment::now();
    when.mono_ns = mono_ns(published.committed);
    audit_.write("publish", record, when);
    instruments_.publish_seconds.Observe(seconds(published.prepare + published.commit));
    if (cause_ && cause_->evidence)
        instruments_.failover_seconds.Observe(seconds(published.committed - *cause_->evidence));
    for (auto const& change : published.plan.changes) {
        if (change.kind == Change::Kind::panic) {
            audit_.write("panic",
                         {{"service", change.key.service}, {"was", change.was}, {"now", change.now}});
            spdlog::warn("panic is {} for {}: {}", change.now, change.key.service,
                         change.now == "on" ? "too few backends are healthy, health is ignored"
                                            : "health counts again");
        }
        if (change.kind == Change::Kind::backend && change.was == "absent" && change.now != "absent" &&
            !stories_.contains(change.key))
            tell(change.key, published.was.number == 0 ? "start" : "reload");
        spdlog::debug("generation {}: {} {} {} -> {}", published.plan.next.number, name_of(change.kind),
                      text(change.key), change.was, change.now);
    }
    cause_.reset();
    keeper_.changed(StateKeeper::Haste::at_once);
}

void Daemon::on_event(ConnectionEvent const& event) {
    ++instruments_.events[static_cast<std::size_t>(event.type) % instruments_.events.size()];
    auto const* backend = event.is_evidence() ? generation().find(event.backend) : nullptr;
    if (backend && backend->incarnation == event.incarnation) suspect(*backend, event);
}

/// Asks for a probe now and writes a record, at most once per interval: applications that end their
/// connections by RST are no reason to probe all the time. Refused and unanswered connections go on asking
/// while the suspicion lasts.
void Daemon::suspect(GenerationBackend const& backend, ConnectionEvent const& event) {
    auto const checks = health_.checks(backend.key);
    auto const probed =
        std::ranges::find_if(checks, [](CheckHealth const& check) { return check.type != CheckType::none; });
    if (probed == checks.end()) return;
    auto const now = Clock::now();
    auto const last = suspicions_.find(backend.key);
    auto const interval = probed->target.check.policy.interval;
    auto const fresh = last == suspicions_.end() || now - last->second >= interval;
    if (!fresh && event.type == ConnectionEventType::aborted) return;
    bool news = false;
    for (auto const& check : checks) {
        auto const before = monitor_.state_of(check.target);
        monitor_.probe_now(check.target);
        news |= before && !before->suspect && before->state == MeasuredState::up;
    }
    if (!fresh || !news) return;
    suspicions_[backend.key] = now;
    json::object record = subject_json(backend);
    record["because"] = name_of(event.type);
    record["client"] = endpoint_text(event.client, event.client_port);
    record["seen_mono_ns"] = event.time_ns;
    audit_.write("passive", record);
    spdlog::info("{}: a connection was {}; probing now", text(backend.key), name_of(event.type));
}

} // namespace pointsman
