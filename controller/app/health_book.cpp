#include "controller/app/health_book.hpp"

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
            targets.emplace(key, target);
        }
    }
    targets_ = std::move(targets);
    measured_ = std::move(measured);
    taken_for_ = measured_;
    for (auto const& [key, target] : targets_)
        if (!measured_.contains(key)) presume(key, target.check.policy.init);
    std::erase_if(memory_, [&](auto const& entry) { return !targets_.contains(entry.first); });
    std::erase_if(last_, [&](auto const& entry) { return !targets_.contains(entry.first); });
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
            if (auto const known = measured_.find(key); known != measured_.end())
                resume.state = known->second;
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
        if (report.transition) taken_for_[key] = measured_[key] = report.state.state;
    }
    return sharers->second;
}

void HealthBook::forget(BackendKey const& key) {
    if (auto known = measured_.extract(key)) memory_[key] = known.mapped();
    taken_for_.erase(key);
    if (auto const* target = target_of(key)) presume(key, target->check.policy.init);
}

void HealthBook::presume(BackendKey const& key, Init init) {
    auto const remembered = memory_.find(key);
    if (init == Init::up) taken_for_[key] = MeasuredState::up;
    if (init == Init::last && remembered != memory_.end()) taken_for_[key] = remembered->second;
}

ProbeTarget const* HealthBook::target_of(BackendKey const& key) const {
    auto const found = targets_.find(key);
    return found == targets_.end() ? nullptr : &found->second;
}

LastProbe const* HealthBook::last_probe(BackendKey const& key) const {
    auto const found = last_.find(key);
    return found == last_.end() ? nullptr : &found->second;
}

bool is_silent(Outcome const& outcome) noexcept {
    if (outcome.passed()) return false;
    auto const answered = outcome.error == ECONNREFUSED || outcome.error == ECONNRESET;
    return outcome.code == OutcomeCode::L4TOUT || (outcome.code == OutcomeCode::L4CON && !answered);
}

std::string_view because_of(Outcome const& outcome) noexcept {
    if (outcome.drain) return "asked_to_drain";
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
