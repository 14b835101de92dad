// What the daemon makes of probes, connection events and publishes.
#include "controller/app/daemon.hpp"

#include "controller/model/names.hpp"

#include <cstring>
#include <spdlog/spdlog.h>

namespace json = boost::json;

namespace pointsman {
namespace {

using Clock = std::chrono::steady_clock;

std::int64_t microseconds(Clock::duration duration) {
    return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
}

double seconds(Clock::duration duration) {
    return std::chrono::duration<double>(duration).count();
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
    for (auto const& other : generation().backends) {
        if (other.service != backend.service) continue;
        ++effect.total;
        effect.healthy += is_healthy(state_now(other));
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
    auto const* ruling = ruling_of(backend.key);
    auto const admin = admin_.states().find(backend.key);
    return state_of(ruling ? ruling->measured : backend.measured,
                    admin == admin_.states().end() ? AdminState::ready : admin->second);
}

void Daemon::on_report(ProbeReport const& report) {
    instruments_.probe_seconds.Observe(seconds(report.outcome.duration));
    ++instruments_.outcomes[report.outcome.code];
    auto const keys = health_.note(report);
    if (report.outcome.code == OutcomeCode::OWN) return own_fault(report);
    Finding const finding{report.state.state, !report.outcome.passed(), is_silent(report.outcome)};
    for (auto const& key : keys)
        if (auto const alarm = judgement_.note(key, finding, Clock::now())) raise(*alarm);
    if (!report.transition) return;
    if (finding.silent && report.state.state == MeasuredState::down)
        for (auto const& key : keys)
            hold_if_own_link_is_down(key);
    auto const before = rulings_;
    judge(keys);
    for (auto const& key : keys)
        on_transition(key, report, before);
    publisher_.mark_dirty();
}

/// Our own fault is nobody's verdict, but somebody has to act.
void Daemon::own_fault(ProbeReport const& report) {
    std::string const cause =
        report.outcome.error == 0 ? "the process stood still" : std::strerror(report.outcome.error);
    raise({"own_fault",
           "a probe could not be made (" + cause +
               "): no backend is judged by it; raise the limits of this host",
           report.outcome.error});
}

void Daemon::on_transition(BackendKey const& key, ProbeReport const& report, Rulings const& before) {
    auto const* backend = generation().find(key);
    auto const* ruling = ruling_of(key);
    if (!backend || !ruling) return;
    auto const now = Clock::now();
    auto const because = because_of(report.outcome);
    auto const earlier = before.of.find(key);
    auto const was = state_of(earlier == before.of.end() ? report.transition->was : earlier->second.measured,
                              backend->admin);
    auto const is = state_of(ruling->measured, backend->admin);
    auto const evidence = report.first_failure.value_or(report.started);
    auto const effect = effect_on(*backend);
    json::object record = subject_json(*backend);
    record["was"] = name_of(was);
    record["now"] = name_of(is);
    record["measured"] = name_of(report.transition->now);
    record["because"] = because;
    if (ruling->by != RuledBy::probes) record["ruled_by"] = name_of(ruling->by);
    record["evidence"] = evidence_json(report.evidence);
    record["effect"] = effect_json(effect);
    record["detect_us"] = microseconds(now - evidence);
    auto const seq = audit_.write("health", record);
    auto const is_failover = is_healthy(was) && is == State::down;
    cause({seq, now, is_failover ? std::optional{evidence} : std::nullopt});
    ++instruments_.transitions[key];
    if (backend->admin == AdminState::ready)
        tell(key, std::string{ruling->by == RuledBy::probes ? because : name_of(ruling->by)});
    spdlog::log(works(report.transition->now) ? spdlog::level::info : spdlog::level::warn,
                "{} is {} ({}{}), was {}: {} of {} healthy{}", text(key), name_of(is), because,
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
        if (change.kind == Change::Kind::announce) {
            audit_.write("announce",
                         {{"service", change.key.service}, {"was", change.was}, {"now", change.now}});
            spdlog::warn("{}: its address should be {}", change.key.service,
                         change.now == "on" ? "announced: enough backends are healthy"
                                            : "withdrawn: too few backends are healthy");
        }
        if (change.kind == Change::Kind::backend && change.was == "absent" && change.now != "absent" &&
            !stories_.contains(change.key))
            tell(change.key, published.was.number == 0 ? "start" : "reload");
        spdlog::debug("generation {}: {} {} {} -> {}", published.plan.next.number, name_of(change.kind),
                      text(change.key), change.was, change.now);
    }
    cause_.reset();
}

} // namespace pointsman
