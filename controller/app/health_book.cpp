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
    std::optional<MeasuredState> all;
    for (auto const& check : checks)
        if (check.type != CheckType::none) all = worse(all.value_or(check.health.state), check.health.state);
    return all.value_or(MeasuredState::unknown);
}

std::optional<unsigned> lowest_percent(std::span<CheckHealth const> checks) noexcept {
    std::optional<unsigned> lowest;
    for (auto const& check : checks)
        if (auto const percent = check.health.wishes.weight_percent)
            lowest = std::min(lowest.value_or(*percent), *percent);
    return lowest;
}

void HealthBook::assign(DesiredState const& desired) {
    decltype(checks_) checks;
    sharers_.clear();
    std::vector<Shared<Check>>
        last; // by place among a backend's checks: that of the next one is mostly alike
    for (auto const& service : desired.services) {
        for (auto const& backend : service.backends) {
            BackendKey const key{service.name, backend.name};
            auto& of_backend = checks[key];
            of_backend.reserve(1 + backend.more_checks.size()); // targets stay where they are
            auto const add = [&](Check const& check) {
                auto target = pointsman::target_of(service, backend, check);
                auto const place = of_backend.size();
                if (place == last.size()) last.emplace_back();
                target.check.join(last[place]);
                last[place] = target.check;
                of_backend.push_back(
                    resumed(key, {std::string{name_of(check)}, check.type, std::move(target)}));
                sharers_[of_backend.back().target].push_back({key, &of_backend, of_backend.size() - 1});
            };
            add(*backend.check);
            for (auto const& check : backend.more_checks)
                add(check);
        }
    }
    checks_ = std::move(checks);
    measured_.clear();
    taken_for_.clear();
    percents_.clear();
    std::erase_if(memory_, [&](auto const& entry) { return !checks_.contains(entry.first); });
    share();
    conclude_all();
}

/// With the rows of the same check; with its state alone if what it probes changed.
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
        check.health.state = conjunction(old);
    } else if (same->target.port == check.target.port) {
        check.health = same->target == check.target ? same->health : without_rows(same->health);
        check.last = same->last;
    }
    return check;
}

void HealthBook::resume(std::map<BackendKey, CheckStates> const& states) {
    for (auto const& [key, known] : states) {
        auto const found = checks_.find(key);
        if (found == checks_.end()) continue;
        for (auto& check : found->second) {
            if (check.type == CheckType::none) continue;
            auto const same = known.find(check.name);
            check.health = same == known.end() ? HealthState{.state = conjunction(known)} : same->second;
        }
    }
    share();
    conclude_all();
}

void HealthBook::forget(BackendKey const& key) {
    if (auto known = measured_.extract(key)) memory_[key] = known.mapped();
    taken_for_.erase(key);
    auto const found = checks_.find(key);
    if (found == checks_.end()) return;
    for (auto& check : found->second) {
        check.health = {};
        check.steady = false;
    }
    share();
    conclude(key);
    weigh(key);
    if (!measured_.contains(key)) presume(key);
}

std::vector<ProbeTarget> HealthBook::forget_wishes(BackendKey const& key) {
    std::vector<ProbeTarget> targets;
    for (auto const& check : checks(key)) {
        targets.push_back(check.target);
        for (auto const& [sharer, checks, index] : sharers_.at(check.target)) {
            (*checks)[index].health.wishes = {};
            weigh(sharer);
        }
    }
    return targets;
}

bool HealthBook::wish(BackendKey const& key, std::string_view name, unsigned percent) {
    auto const found = checks_.find(key);
    if (found == checks_.end()) return false;
    auto const check = std::ranges::find(found->second, name, &CheckHealth::name);
    if (check == found->second.end()) return false;
    check->health.wishes.weight_percent = percent;
    weigh(key);
    return true;
}

void HealthBook::weigh(BackendKey const& key) {
    if (auto const percent = lowest_percent(checks(key)))
        percents_[key] = *percent;
    else
        percents_.erase(key);
}

/// A check that is new to a target knows what the others know: the probes of a target that is up or down
/// already bring no transition that would tell.
void HealthBook::share() {
    auto const health_of = [](Sharer const& sharer) -> HealthState& {
        return (*sharer.checks)[sharer.check].health;
    };
    for (auto const& [target, sharers] : sharers_) {
        auto const is_known = [&](Sharer const& each) {
            return health_of(each).state != MeasuredState::unknown;
        };
        auto const known = std::ranges::find_if(sharers, is_known);
        if (known == sharers.end()) continue;
        for (auto const& sharer : sharers)
            if (!is_known(sharer)) health_of(sharer) = health_of(*known);
    }
}

void HealthBook::conclude_all() {
    for (auto const& [key, unused] : checks_) {
        conclude(key);
        weigh(key);
        if (!measured_.contains(key)) presume(key);
    }
}

/// Draws the conclusion from the backend's checks. While they do not suffice for one the last one holds.
std::optional<Transition> HealthBook::conclude(BackendKey const& key) {
    auto const now = conjunction(checks_.at(key));
    if (now == MeasuredState::unknown) return std::nullopt;
    auto const was = std::exchange(measured_[key], now); // unknown if it is new there
    taken_for_[key] = now;
    return was == now ? std::nullopt : std::optional{Transition{was, now}};
}

void HealthBook::presume(BackendKey const& key) {
    auto const init = checks_.at(key).front().target.check->policy.init;
    auto const remembered = memory_.find(key);
    if (init == Init::up) taken_for_[key] = MeasuredState::up;
    if (init == Init::last && remembered != memory_.end()) taken_for_[key] = remembered->second;
}

std::vector<WantedProbe> HealthBook::wanted(std::map<BackendKey, AdminState> const& admin) const {
    std::vector<WantedProbe> wanted;
    for (auto const& [held, sharers] : sharers_) {
        ProbeTarget const& target = held;
        if (target.check->type == CheckType::none) continue;
        auto const rests = [&](BackendKey const& key) {
            auto const state = admin.find(key);
            return state != admin.end() && state->second == AdminState::maint;
        };
        HealthState resume;
        bool probed = false;
        for (auto const& [key, checks, index] : sharers) {
            probed |= !rests(key);
            auto const& known = (*checks)[index].health;
            if (known.state != MeasuredState::unknown) resume = known;
        }
        if (probed) wanted.push_back({target, resume});
    }
    return wanted;
}

std::vector<NotedProbe> HealthBook::note(ProbeReport const& report) {
    std::vector<NotedProbe> noted;
    auto const sharers = sharers_.find(report.target);
    if (sharers == sharers_.end()) return noted;
    for (auto const& [key, checks, index] : sharers->second) {
        auto& check = (*checks)[index];
        auto const was = std::exchange(check.health, report.state);
        bool const unmoved = was.state == report.state.state && was.wishes == report.state.wishes;
        check.last = {report.outcome, report.started + report.outcome.duration};
        bool const alone = report.outcome.passed() && checks->size() == 1;
        if (std::exchange(check.steady, alone) && alone && unmoved) {
            noted.push_back({{}, {}, report.state.state, std::nullopt, true, {}, {}});
            continue;
        }
        auto const transition = conclude(key);
        if (!unmoved) weigh(key);
        auto const measured = measured_.find(key);
        noted.push_back({key, check.name,
                         measured == measured_.end() ? MeasuredState::unknown : measured->second, transition,
                         false, was.wishes.weight_percent, report.state.wishes.weight_percent});
    }
    return noted;
}

std::span<CheckHealth const> HealthBook::checks(BackendKey const& key) const {
    auto const found = checks_.find(key);
    if (found == checks_.end()) return {};
    return found->second;
}

CheckStates HealthBook::states_of(BackendKey const& key) const {
    CheckStates states;
    for (auto const& check : checks(key))
        if (check.health.state != MeasuredState::unknown) states.emplace(check.name, check.health);
    return states;
}

LastProbe const* HealthBook::last_probe(BackendKey const& key) const {
    CheckHealth const* best = nullptr;
    auto const is_down = [](CheckHealth const& check) { return check.health.state == MeasuredState::down; };
    for (auto const& check : checks(key)) {
        if (!check.last) continue;
        bool const newer = best == nullptr || check.last->ended > best->last->ended;
        if (best == nullptr || is_down(check) > is_down(*best) || (is_down(check) == is_down(*best) && newer))
            best = &check;
    }
    return best == nullptr ? nullptr : &*best->last;
}

bool is_silent(Outcome const& outcome) noexcept {
    if (outcome.passed()) return false;
    auto const answered = outcome.error == ECONNREFUSED || outcome.error == ECONNRESET;
    return outcome.code == OutcomeCode::L4TOUT || (outcome.code == OutcomeCode::L4CON && !answered);
}

std::string_view because_of(Outcome const& outcome) noexcept {
    if (outcome.rests()) return "asked_for_maint";
    if (outcome.drains()) return "asked_to_drain";
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
