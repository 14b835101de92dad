// What the daemon makes of time: rulings, weights.
#include "controller/app/daemon.hpp"

#include "controller/model/names.hpp"

#include <algorithm>
#include <spdlog/spdlog.h>

namespace json = boost::json;

namespace pointsman {
namespace {

using Clock = std::chrono::steady_clock;

} // namespace

Plan Daemon::plan(Generation const& current) {
    planned_ = Clock::now();
    tell_of(judge({}, planned_), planned_);
    return plan_next({desired_, ruled_states(), admin_.states(), view_, adjustments()}, current);
}

PreviewInput Daemon::preview_input(DesiredState wanted) const {
    return {std::move(wanted), generation(), ruled_states(), admin_.states(), view_, adjustments()};
}

std::map<BackendKey, MeasuredState> Daemon::ruled_states() const {
    std::map<BackendKey, MeasuredState> measured;
    for (auto const& [key, ruling] : rulings_.of)
        measured[key] = ruling.measured;
    return measured;
}

std::map<BackendKey, Adjustment> Daemon::adjustments() const {
    std::map<BackendKey, Adjustment> adjust;
    for (auto const& [key, ruling] : rulings_.of)
        if (ruling.ramp < full_ramp) adjust[key].ramp = ruling.ramp;
    for (auto const& [key, order] : admin_.weights())
        adjust[key].weight = order.weight;
    return adjust;
}

Ruling const* Daemon::ruling_of(BackendKey const& key) const {
    auto const found = rulings_.of.find(key);
    return found == rulings_.of.end() ? nullptr : &found->second;
}

/// Rules anew. @return what time changed; `told` are the backends whose change the caller records.
std::vector<Daemon::Ruled> Daemon::judge(std::vector<BackendKey> const& told, Clock::time_point now) {
    auto const before = std::exchange(rulings_, judgement_.rule(health_.measured(), admin_.states(), now));
    wait_for_judgement();
    std::vector<Ruled> changed;
    for (auto const& [key, ruling] : rulings_.of) {
        auto const was = before.of.find(key);
        if (was == before.of.end() || was->second.measured == ruling.measured) continue;
        if ((was->second.by == ruling.by && ruling.by == RuledBy::probes) ||
            std::ranges::count(told, key) > 0)
            continue;
        changed.push_back({key, was->second, ruling});
    }
    return changed;
}

void Daemon::tell_of(std::vector<Ruled> const& ruled, Clock::time_point now) {
    for (auto const& each : ruled)
        if (auto const* backend = generation().find(each.key)) on_ruling(*backend, each, now);
}

void Daemon::wait_for_judgement() {
    if (!rulings_.next || stopping_) return;
    judgement_due_.expires_at(*rulings_.next);
    judgement_due_.async_wait([this](boost::system::error_code error) {
        if (!error) publisher_.mark_dirty();
    });
}

void Daemon::on_ruling(GenerationBackend const& backend, Ruled const& ruled, Clock::time_point now) {
    auto const& is = ruled.now;
    auto const because = is.by == RuledBy::probes ? std::string_view{"released"} : name_of(is.by);
    auto const state_was = state_of(ruled.was.measured, backend.admin);
    auto const state_is = state_of(is.measured, backend.admin);
    json::object record = subject_json(backend);
    record["was"] = name_of(state_was);
    record["now"] = name_of(state_is);
    record["because"] = because;
    record["ruled_by"] = name_of(is.by == RuledBy::probes ? ruled.was.by : is.by);
    record["effect"] = effect_json(effect_on(backend));
    cause({audit_.write("health", record, Moment::at(now)), now, std::nullopt});
    if (backend.admin == AdminState::ready) tell(backend.key, std::string{because});
    spdlog::warn("{} is {} ({}), was {}", text(backend.key), name_of(state_is), because, name_of(state_was));
}

Answer Daemon::order_weight(BackendKey const& key, WeightOrder order, std::optional<Peer> actor) {
    auto const* backend = generation().find(key);
    if (!backend) return {Answer::Kind::unknown, "there is no backend " + text(key)};
    for (auto const& service : desired_.services)
        for (auto const& configured : service.backends)
            if (BackendKey{service.name, configured.name} == key) order.configured = configured.weight;
    json::object record = subject_json(*backend);
    record["was"] = std::to_string(backend->weight);
    record["now"] = std::to_string(order.weight);
    record["because"] = "weight";
    record["reason"] = order.reason;
    if (actor) record["actor"] = actor_json(*actor);
    cause({audit_.write("admin", record), Clock::now(), std::nullopt});
    auto const answer = text(key) + " has weight " + std::to_string(order.weight);
    spdlog::info("{} by order{}{}", answer, order.reason.empty() ? "" : ": ", order.reason);
    admin_.set(key, std::move(order));
    publisher_.mark_dirty();
    keeper_.changed(StateKeeper::Haste::at_once);
    return {Answer::Kind::done, answer};
}

} // namespace pointsman
