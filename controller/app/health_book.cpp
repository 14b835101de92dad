#include "controller/app/health_book.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace pointsman {

std::size_t HealthBook::TargetHash::operator()(ProbeTarget const& target) const noexcept {
    std::size_t hash = target.port;
    for (auto const octet : target.address.octets())
        hash = hash * 131 + octet;
    return hash;
}

void HealthBook::assign(DesiredState const& desired) {
    std::map<BackendKey, ProbeTarget> targets;
    std::map<BackendKey, MeasuredState> measured;
    std::map<BackendKey, HealthState> states;
    sharers_.clear();
    for (auto const& service : desired.services) {
        for (auto const& backend : service.backends) {
            BackendKey const key{service.name, backend.name};
            auto const target = pointsman::target_of(backend);
            sharers_[target].push_back(key);
            auto const before = targets_.find(key);
            auto const same = before != targets_.end() && before->second.address == target.address &&
                              before->second.port == target.port;
            if (auto const known = measured_.find(key); same && known != measured_.end())
                measured.insert(*known);
            if (auto const known = states_.find(key); same && known != states_.end())
                states[key] =
                    before->second == target ? known->second : HealthState{.state = known->second.state};
            targets.emplace(key, target);
        }
    }
    targets_ = std::move(targets);
    measured_ = std::move(measured);
    states_ = std::move(states);
    share();
    std::erase_if(last_, [&](auto const& entry) { return !targets_.contains(entry.first); });
}

void HealthBook::resume(std::map<BackendKey, HealthState> const& states) {
    for (auto const& [key, state] : states) {
        auto const* target = target_of(key);
        if (!target || target->check.type == CheckType::none) continue;
        states_[key] = state;
        measured_[key] = state.state;
    }
    share();
}

void HealthBook::forget(BackendKey const& key) {
    measured_.erase(key);
    states_.erase(key);
    share();
}

/// A backend that is new to a target knows what the others know: the probes of a target that is up or down
/// already bring no transition that would tell.
void HealthBook::share() {
    for (auto const& [target, keys] : sharers_) {
        auto const known =
            std::ranges::find_if(keys, [this](auto const& key) { return states_.contains(key); });
        if (known == keys.end() || states_.at(*known).state == MeasuredState::unknown) continue;
        for (auto const& key : keys) {
            if (measured_.contains(key)) continue;
            states_[key] = states_.at(*known);
            measured_[key] = states_[key].state;
        }
    }
}

std::vector<WantedProbe> HealthBook::wanted(std::map<BackendKey, AdminState> const& admin) const {
    std::vector<WantedProbe> wanted;
    for (auto const& [target, keys] : sharers_) {
        if (target.check.type == CheckType::none) continue;
        auto const rests = [&](BackendKey const& key) {
            auto const state = admin.find(key);
            return state != admin.end() && state->second == AdminState::maint;
        };
        HealthState resume;
        bool probed = false;
        for (auto const& key : keys) {
            probed |= !rests(key);
            if (auto const known = states_.find(key); known != states_.end()) resume = known->second;
        }
        if (probed) wanted.push_back({target, resume});
    }
    return wanted;
}

std::vector<BackendKey> HealthBook::note(ProbeReport const& report) {
    auto const sharers = sharers_.find(report.target);
    if (sharers == sharers_.end()) return {};
    for (auto const& key : sharers->second) {
        last_[key] = {report.outcome, report.started + report.outcome.duration};
        states_[key] = report.state;
        if (report.transition) measured_[key] = report.state.state;
    }
    return sharers->second;
}

ProbeTarget const* HealthBook::target_of(BackendKey const& key) const {
    auto const found = targets_.find(key);
    return found == targets_.end() ? nullptr : &found->second;
}

HealthState HealthBook::state_of(BackendKey const& key) const {
    auto const found = states_.find(key);
    return found == states_.end() ? HealthState{} : found->second;
}

LastProbe const* HealthBook::last_probe(BackendKey const& key) const {
    auto const found = last_.find(key);
    return found == last_.end() ? nullptr : &found->second;
}

std::string_view because_of(Outcome const& outcome) noexcept {
    switch (outcome.code) {
    case OutcomeCode::L4OK: return "l4_ok";
    case OutcomeCode::L4CON: return outcome.error == ECONNREFUSED ? "l4_refused" : "l4_unreachable";
    case OutcomeCode::L4TOUT: return "l4_timeout";
    case OutcomeCode::L6OK: return "l6_ok";
    case OutcomeCode::L6RSP: return "l6_invalid";
    case OutcomeCode::L6TOUT: return "l6_timeout";
    case OutcomeCode::L7OK: return "l7_ok";
    case OutcomeCode::L7STS: return "l7_status";
    case OutcomeCode::L7RSP: return "l7_invalid";
    case OutcomeCode::L7TOUT: return "l7_timeout";
    case OutcomeCode::OWN: return "own_fault";
    }
    std::unreachable();
}

} // namespace pointsman
