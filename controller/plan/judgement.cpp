#include "controller/plan/judgement.hpp"

#include "controller/model/key_cursor.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace pointsman {
namespace {

using TimePoint = Judgement::TimePoint;

/// Exponential decay, as of BGP's route flap damping (RFC 2439, section 4.2).
double decayed(double penalty, Duration age, Duration half_life) {
    if (half_life <= Duration::zero()) return 0;
    return penalty * std::exp2(-static_cast<double>(age.count()) / static_cast<double>(half_life.count()));
}

/// When a penalty will have decayed to `goal`.
Duration decay_time(double penalty, double goal, Duration half_life) {
    auto const half_lives = std::log2(std::max(penalty / goal, 1.0));
    return Duration{
        static_cast<Duration::rep>(std::ceil(half_lives * static_cast<double>(half_life.count())))};
}

/// Steps are evenly spaced, the first at once and the last after the whole time.
unsigned ramp_at(TimePoint rose, Duration slow_start, TimePoint now) {
    auto const elapsed = now - rose;
    if (elapsed >= slow_start) return full_ramp;
    return 1 + static_cast<unsigned>((full_ramp - 1) * elapsed / slow_start);
}

TimePoint next_step(TimePoint rose, Duration slow_start, unsigned ramp) {
    return rose + (slow_start * ramp + Duration{full_ramp - 2}) / (full_ramp - 1);
}

Duration probed_again(HealthPolicy const& policy) {
    return policy.down_interval + policy.down_interval / 8 + policy.timeout +
           policy.fast_interval * policy.rise;
}

Duration probed_first(HealthPolicy const& policy) {
    return Judgement::first_probes + policy.timeout;
}

/// Of the slowest of its checks.
Duration longest(Duration (*of)(HealthPolicy const&), Backend const& backend) {
    auto longest = of(backend.check->policy);
    for (auto const& check : backend.more_checks)
        longest = std::max(longest, of(check.policy));
    return longest;
}

} // namespace

std::string_view name_of(RuledBy value) noexcept {
    switch (value) {
    case RuledBy::probes: return "probes";
    case RuledBy::held: return "held";
    case RuledBy::damped: return "flapping";
    case RuledBy::ejected: return "clients_failed";
    }
    std::unreachable();
}

void Judgement::assign(DesiredState const& desired) {
    std::map<BackendKey, Record> records;
    calm_.clear();
    auto const knows = [&](std::string const& service) {
        auto const found = records_.from({service, {}});
        return found != records_.end() && found->first.service == service;
    };
    for (auto const& service : desired.services) {
        bool const runs = knows(service.name);
        for (auto const& backend : service.backends) {
            BackendKey const key{service.name, backend.name};
            auto const* known = records_.find(key);
            auto const same = known && known->host == backend.address && known->port == backend.port;
            auto& record = records[key];
            if (same)
                record = *known;
            else
                record.returns = runs;
            record.host = backend.address;
            record.port = backend.port;
            record.half_life = backend.check->policy.damping;
            record.slow_start = service.slow_start;
            record.probed_again = longest(probed_again, backend);
            record.probed_first = longest(probed_first, backend);
            record.counts = backend.weight > 0 && !backend.backup;
            record.has_check = backend.check->type != CheckType::none || !backend.more_checks.empty();
        }
    }
    records_ = KeyTable{std::move(records)};
}

void Judgement::rest(BackendKey const& key) {
    auto* record = records_.find(key);
    if (!record) return;
    calm_.erase(key.service);
    record->measured = MeasuredState::unknown;
    record->failing.reset();
    record->held_until.reset();
    record->returns = true;
}

bool Judgement::eject(BackendKey const& key, TimePoint now) {
    auto* found = records_.find(key);
    if (!found) return false;
    auto& record = *found;
    if (record.ejected_until && now < *record.ejected_until) return false;
    // Who behaved for as long as the longest ejection begins anew.
    if (record.ejected_until && now - *record.ejected_until > longest_ejection) record.ejections = 0;
    auto const time = std::min<Duration>(first_ejection * ++record.ejections, longest_ejection);
    record.ejected_until = now + time;
    calm_.erase(key.service);
    return true;
}

/// What is not probed because of an order, or by no check, is not waited for. Nor is for ever what cannot be
/// probed for a fault of ours.
void Judgement::await_verdict(Record& record, MeasuredState by_probes, bool ready, TimePoint now) {
    if (by_probes != MeasuredState::unknown || !ready || !record.has_check)
        record.awaited_until.reset();
    else if (!record.awaited_until)
        record.awaited_until = now + record.probed_first;
}

/// The state that counts, held falls aside; charges the penalty for a fall.
MeasuredState Judgement::settle(Record& record, MeasuredState measured, TimePoint now) const {
    if (record.cut_off && works(measured)) record.spared = true; // known only now, right after a start
    bool const waits = (record.cut_off && record.spared) || (record.held_until && now < *record.held_until);
    bool const held = measured == MeasuredState::down && waits;
    if (held) measured = MeasuredState::up;
    auto const current = decayed(record.penalty, now - record.penalised, record.half_life);
    if (record.half_life > Duration::zero() && works(record.was) && measured == MeasuredState::down) {
        record.penalty = std::min(current + penalty_of_a_fall, highest_penalty);
        record.penalised = now;
        record.damped = (record.damped && current > reuse_below) || record.penalty >= suppress_at;
    } else if (record.damped && current <= reuse_below) {
        record.damped = false;
    }
    record.was = measured;
    return measured;
}

Rulings Judgement::rule(std::map<BackendKey, MeasuredState> const& measured,
                        std::map<BackendKey, AdminState> const& admin, TimePoint now) {
    Rulings rulings;
    update(rulings, nullptr, measured, admin, now);
    return rulings;
}

std::vector<ChangedRuling> Judgement::update(Rulings& rulings, std::string const* service,
                                             std::map<BackendKey, MeasuredState> const& measured,
                                             std::map<BackendKey, AdminState> const& admin, TimePoint now) {
    std::vector<ChangedRuling> changed;
    KeyCursor<BackendKey, MeasuredState> measured_of{measured};
    KeyCursor<BackendKey, AdminState> order_of{admin};
    std::vector<Case> cases;
    auto const close_service = [&] {
        if (cases.empty()) return;
        suppress(cases, now);
        start_slowly(cases, now);
        bool const calm =
            std::ranges::all_of(cases, [now](Case const& each) { return is_calm(each.record, now); });
        if (calm) calm_.insert(cases.front().key.service);
        if (!calm) calm_.erase(cases.front().key.service);
        for (auto const& each : cases) {
            if (auto const at = next_of(each, now)) rulings.next = std::min(rulings.next.value_or(*at), *at);
            if (each.was != each.ruling) changed.push_back({each.key, each.was, each.ruling});
        }
        cases.clear();
    };
    auto const is_concerned = [&](auto const& entry) { return !service || entry.first.service == *service; };
    auto const from = service ? BackendKey{*service, {}} : BackendKey{};
    auto at = rulings.of.lower_bound(from);
    if (!service) rulings.next.reset();
    for (auto entry = records_.from(from); entry != records_.end() && is_concerned(*entry); ++entry) {
        auto& [key, record] = *entry;
        if (!cases.empty() && cases.back().key.service != key.service) close_service();
        while (at != rulings.of.end() && at->first < key)
            at = rulings.of.erase(at);
        bool const is_known = at != rulings.of.end() && at->first == key;
        if (!is_known) at = rulings.of.emplace_hint(at, key, Ruling{});
        auto& ruling = (at++)->second;
        auto const was = is_known ? std::optional{ruling} : std::nullopt;
        auto const by_probes = measured_of.value_or(key, MeasuredState::unknown);
        ruling = {.measured = settle(record, by_probes, now)};
        if (ruling.measured != by_probes) ruling.by = RuledBy::held;
        bool const ready = order_of.value_or(key, AdminState::ready) == AdminState::ready;
        await_verdict(record, by_probes, ready, now);
        cases.push_back({key, record, ruling, was, ready});
    }
    close_service();
    while (at != rulings.of.end() && is_concerned(*at))
        at = rulings.of.erase(at);
    return changed;
}

/// When time alone changes this ruling.
std::optional<TimePoint> Judgement::next_of(Case const& ruled, TimePoint now) {
    auto const& record = ruled.record;
    std::optional<TimePoint> next;
    auto const wake = [&](TimePoint at) {
        if (at > now) next = std::min(next.value_or(at), at);
    };
    if (ruled.ruling.by == RuledBy::held && record.held_until) wake(*record.held_until);
    if (record.ejected_until) wake(*record.ejected_until);
    if (record.damped) wake(record.penalised + decay_time(record.penalty, reuse_below, record.half_life));
    if (record.awaited_until) wake(*record.awaited_until);
    if (record.rose) wake(next_step(*record.rose, record.slow_start, ruled.ruling.ramp));
    return next;
}

/// Keeps out who is damped or ejected, the worst first, as long as half of those that count remain. Who takes
/// flows is kept out only for others that are known to be healthy, and who takes none for such as may be,
/// too.
void Judgement::suppress(std::vector<Case>& cases, TimePoint now) {
    std::size_t counted = 0;
    std::size_t healthy = 0;
    std::size_t awaited = 0;
    std::vector<Case*> suspects;
    auto const is_up = [](Case const& each) {
        return each.ruling.measured == MeasuredState::up || !each.record.has_check;
    };
    for (auto& each : cases) {
        auto const& record = each.record;
        if (!each.ready || !record.counts || withdrew(each.ruling.measured)) continue;
        ++counted;
        if (!is_up(each) && !(record.awaited_until && now < *record.awaited_until)) continue;
        ++(is_up(each) ? healthy : awaited);
        auto const ejected = record.ejected_until && now < *record.ejected_until;
        if (record.has_check && (ejected || record.damped)) suspects.push_back(&each);
    }
    std::ranges::stable_sort(suspects, std::greater{}, [](auto const* each) { return each->record.penalty; });
    for (auto* const each : suspects) {
        auto const& record = each->record;
        bool const in_use = record.took_flows || record.needed;
        auto const others = healthy - (is_up(*each) ? 1 : 0);
        auto const hoped_for = in_use ? 0 : awaited - (is_up(*each) ? 0 : 1);
        if ((others + hoped_for) * 2 < counted) continue;
        --(is_up(*each) ? healthy : awaited);
        each->ruling.measured = MeasuredState::down;
        each->ruling.by = record.damped ? RuledBy::damped : RuledBy::ejected;
    }
}

/// A backend that comes back among others that run. Where all are starting there is nobody to spare them.
void Judgement::start_slowly(std::vector<Case>& cases, TimePoint now) {
    bool any_runs = false;
    for (auto& [key, record, ruling, was, ready] : cases) {
        auto const takes = works(ruling.measured);
        if (takes && !record.took_flows && record.returns && record.slow_start > Duration::zero())
            record.rose = now;
        if (!takes || (record.rose && now - *record.rose >= record.slow_start)) record.rose.reset();
        if (ruling.measured != MeasuredState::unknown) {
            record.returns = true;
            record.needed = false;
        }
        record.took_flows = takes;
        any_runs |= takes && ready && record.counts && !record.rose;
    }
    for (auto& [key, record, ruling, was, ready] : cases) {
        if (!any_runs) record.rose.reset();
        if (record.rose) ruling.ramp = ramp_at(*record.rose, record.slow_start, now);
    }
}

double Judgement::penalty_of(BackendKey const& key, TimePoint now) const {
    auto const* record = records_.find(key);
    return record ? penalty_of(*record, now) : 0;
}

double Judgement::penalty_of(Record const& record, TimePoint now) {
    if (record.penalty == 0) return 0;
    return decayed(record.penalty, now - record.penalised, record.half_life);
}

} // namespace pointsman
