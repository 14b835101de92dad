#include "controller/app/health_book.hpp"

#include "controller/model/names.hpp"

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

MeasuredState conjunction(std::span<CheckHealth const> checks) noexcept {
    auto all = MeasuredState::unknown;
    bool unknown = false;
    for (auto const& check : checks) {
        if (check.type == CheckType::none) continue;
        if (check.state == MeasuredState::down) return MeasuredState::down;
        unknown |= check.state == MeasuredState::unknown;
        all = MeasuredState::up;
    }
    return unknown ? MeasuredState::unknown : all;
}

void HealthBook::assign(DesiredState const& desired) {
    decltype(checks_) checks;
    decltype(measured_) measured;
    sharers_.clear();
    for (auto const& service : desired.services) {
        for (auto const& backend : service.backends) {
            BackendKey const key{service.name, backend.name};
            auto& of_backend = checks[key];
            auto const add = [&](Check const& check) {
                auto target = pointsman::target_of(service.name, backend, check);
                sharers_[target].push_back({key, of_backend.size()});
                of_backend.push_back(
                    resumed(key, {std::string{name_of(check)}, check.type, std::move(target)}));
            };
            add(backend.check);
            for (auto const& check : backend.more_checks)
                add(check);
            if (auto const state = conjunction(of_backend); state != MeasuredState::unknown)
                measured.emplace(key, state);
        }
    }
    checks_ = std::move(checks);
    measured_ = std::move(measured);
}

CheckHealth HealthBook::resumed(BackendKey const& key, CheckHealth check) const {
    auto const before = checks_.find(key);
    if (before == checks_.end()) return check;
    auto const& old = before->second;
    auto const elsewhere = [&check](CheckHealth const& each) {
        return each.target.address != check.target.address;
    };
    if (std::ranges::any_of(old, elsewhere)) return check;
    auto const same = std::ranges::find(old, check.name, &CheckHealth::name);
    if (same == old.end()) {
        check.state = conjunction(old);
    } else if (same->target.port == check.target.port) {
        check.state = same->state;
        check.last = same->last;
    }
    return check;
}

std::vector<WantedProbe> HealthBook::wanted(std::map<BackendKey, AdminState> const& admin) const {
    std::vector<WantedProbe> wanted;
    for (auto const& [target, sharers] : sharers_) {
        if (target.check.type == CheckType::none) continue;
        auto const rests = [&](BackendKey const& key) {
            auto const state = admin.find(key);
            return state != admin.end() && state->second == AdminState::maint;
        };
        HealthState resume;
        bool probed = false;
        for (auto const& [key, index] : sharers) {
            probed |= !rests(key);
            auto const known = checks_.at(key)[index].state;
            if (known != MeasuredState::unknown) resume.state = known;
        }
        if (probed) wanted.push_back({target, resume});
    }
    return wanted;
}

std::vector<NotedProbe> HealthBook::note(ProbeReport const& report) {
    std::vector<NotedProbe> noted;
    auto const sharers = sharers_.find(report.target);
    if (sharers == sharers_.end()) return noted;
    for (auto const& [key, index] : sharers->second) {
        auto& checks = checks_.at(key);
        auto& check = checks[index];
        check.last = {report.outcome, report.started + report.outcome.duration};
        check.state = report.state.state;
        auto const known = measured_.find(key);
        auto const was = known == measured_.end() ? MeasuredState::unknown : known->second;
        auto const now = conjunction(checks);
        NotedProbe entry{key, check.name, std::nullopt};
        if (now != was && now != MeasuredState::unknown) {
            measured_[key] = now;
            entry.transition = Transition{was, now};
        }
        noted.push_back(std::move(entry));
    }
    return noted;
}

void HealthBook::forget(BackendKey const& key) {
    measured_.erase(key);
    if (auto const found = checks_.find(key); found != checks_.end())
        for (auto& check : found->second)
            check.state = MeasuredState::unknown;
}

std::span<CheckHealth const> HealthBook::checks(BackendKey const& key) const {
    auto const found = checks_.find(key);
    if (found == checks_.end()) return {};
    return found->second;
}

LastProbe const* HealthBook::last_probe(BackendKey const& key) const {
    CheckHealth const* best = nullptr;
    auto const is_down = [](CheckHealth const& check) { return check.state == MeasuredState::down; };
    for (auto const& check : checks(key)) {
        if (!check.last) continue;
        bool const newer = best == nullptr || check.last->ended > best->last->ended;
        if (best == nullptr || is_down(check) > is_down(*best) || (is_down(check) == is_down(*best) && newer))
            best = &check;
    }
    return best == nullptr ? nullptr : &*best->last;
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
