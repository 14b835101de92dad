// What the daemon makes of time: rulings.
#include "controller/app/daemon.hpp"

#include "controller/model/names.hpp"

#include <algorithm>
#include <set>
#include <spdlog/spdlog.h>

namespace json = boost::json;

namespace pointsman {
namespace {

using Clock = std::chrono::steady_clock;

} // namespace

/// @param only what verdicts have ruled on already, or nullptr.
Plan Daemon::plan(Generation const& current, PlanScope const* only) {
    planned_ = Clock::now();
    if (!only) judge_all(planned_);
    return plan_next(
        {desired_, ruled_states_, admin_.states(), view_, adjustments(only), only, &maglev_memory_}, current);
}

PreviewInput Daemon::preview_input(DesiredState wanted) const {
    return {std::move(wanted), generation(), ruled_states_, admin_.states(), view_, adjustments(nullptr)};
}

std::map<BackendKey, Adjustment> Daemon::adjustments(PlanScope const* only) const {
    std::map<BackendKey, Adjustment> adjust;
    auto const add = [&](std::pair<BackendKey const, Ruling> const& entry) {
        if (entry.second.ramp < full_ramp) adjust[entry.first].ramp = entry.second.ramp;
    };
    if (only && only->backends) {
        for (auto const& key : *only->backends)
            if (auto const found = rulings_.of.find(key); found != rulings_.of.end()) add(*found);
    } else {
        std::ranges::for_each(rulings_.of, add);
    }
    for (auto const& [key, order] : admin_.weights())
        adjust[key].weight = order.weight;
    for (auto const& [key, percent] : health_.percents())
        adjust[key].weight_percent = percent;
    return adjust;
}

Ruling const* Daemon::ruling_of(BackendKey const& key) const {
    auto const found = rulings_.of.find(key);
    return found == rulings_.of.end() ? nullptr : &found->second;
}

void Daemon::judge_all(Clock::time_point now) {
    auto const changed = judgement_.update(rulings_, nullptr, health_.measured(), admin_.states(), now);
    follow(changed);
    tell_of(changed, {}, now);
    if (ruled_states_.size() != rulings_.of.size()) // a reload removed some
        std::erase_if(ruled_states_,
                      [this](auto const& entry) { return !rulings_.of.contains(entry.first); });
    wait_for_judgement();
}

/// Rules on the services of `told` alone: at a start every first probe is a verdict, and thousands of them
/// times thousands of backends would take minutes. What a hold changes elsewhere is found by the next plan.
/// @return the changes, which nothing has told of.
std::vector<ChangedRuling> Daemon::judge(std::vector<BackendKey> const& told, Clock::time_point now) {
    std::vector<ChangedRuling> all;
    for (auto const& key : told) {
        auto changed = judgement_.update(rulings_, key, health_.measured(), admin_.states(), now);
        follow(changed);
        all.insert(all.end(), changed.begin(), changed.end());
    }
    wait_for_judgement();
    return all;
}

void Daemon::follow(std::vector<ChangedRuling> const& changed) {
    for (auto const& each : changed)
        ruled_states_[each.key] = each.now.measured;
}

/// Records what time or a hold changed; `told` are the backends whose change the caller records.
void Daemon::tell_of(std::vector<ChangedRuling> const& changed, std::vector<BackendKey> const& told,
                     Clock::time_point now) {
    for (auto const& [key, was, is] : changed) {
        if (!was || was->measured == is.measured) continue;
        if ((was->by == is.by && is.by == RuledBy::probes) || std::ranges::count(told, key) > 0) continue;
        if (auto const* backend = generation().find(key)) on_ruling(*backend, *was, is, now);
    }
}

void Daemon::wait_for_judgement() {
    if (!rulings_.next || stopping_) return;
    judgement_due_.expires_at(*rulings_.next);
    judgement_due_.async_wait([this](boost::system::error_code error) {
        if (!error) publisher_.mark_dirty();
    });
}

void Daemon::on_ruling(GenerationBackend const& backend, Ruling const& was, Ruling const& is,
                       Clock::time_point now) {
    auto const because = is.by == RuledBy::probes ? std::string_view{"released"} : name_of(is.by);
    auto const state_was = state_of(was.measured, backend.admin);
    auto const state_is = state_of(is.measured, backend.admin);
    json::object record = subject_json(backend);
    record["was"] = name_of(state_was);
    record["now"] = name_of(state_is);
    record["because"] = because;
    record["ruled_by"] = name_of(is.by == RuledBy::probes ? was.by : is.by);
    record["effect"] = effect_json(effect_on(backend));
    cause({audit_.write("health", record, Moment::at(now)), now, std::nullopt});
    if (backend.admin == AdminState::ready) tell(backend.key, std::string{because});
    spdlog::warn("{} is {} ({}), was {}", text(backend.key), name_of(state_is), because, name_of(state_was));
}

} // namespace pointsman
