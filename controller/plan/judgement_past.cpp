// What one process tells the next one about the backends' past.
#include "controller/plan/judgement.hpp"

namespace pointsman {

std::optional<Past> Judgement::past_of(BackendKey const& key, TimePoint now) const {
    auto const* record = records_.find(key);
    return record ? past_of(*record, now) : std::nullopt;
}

std::map<BackendKey, Past> Judgement::pasts(TimePoint now) const {
    std::map<BackendKey, Past> pasts;
    for (auto const& [key, record] : records_)
        if (auto const past = past_of(record, now)) pasts.emplace_hint(pasts.end(), key, *past);
    return pasts;
}

std::optional<Past> Judgement::past_of(Record const& record, TimePoint now) {
    Past past{.penalty = penalty_of(record, now), .damped = record.damped};
    if (past.penalty < least_penalty) past.penalty = 0;
    // Who behaved for so long begins anew.
    if (record.ejected_until && now - *record.ejected_until <= longest_ejection) {
        past.ejected_for = *record.ejected_until - now;
        past.ejections = record.ejections;
    }
    if (record.rose) past.rising = now - *record.rose;
    past.held_for = held_for(record, now);
    past.needed = record.needed || (record.took_flows && is_ruled_out(past));
    return past == Past{} ? std::nullopt : std::optional{past};
}

/// Behind a link of ours that may be back by then: as if it came back now.
std::optional<Duration> Judgement::held_for(Record const& record, TimePoint now) {
    if (record.measured != MeasuredState::down || !works(record.was)) return std::nullopt;
    if (record.cut_off && record.spared) return hold_time + record.probed_again;
    if (record.held_until && now < *record.held_until) return *record.held_until - now;
    return std::nullopt;
}

void Judgement::remember(BackendKey const& key, Past const& past, TimePoint then) {
    auto* found = records_.find(key);
    if (!found) return;
    calm_.erase(key.service);
    auto& record = *found;
    record.penalty = past.penalty;
    record.penalised = then;
    record.damped = past.damped;
    if (past.ejected_for) record.ejected_until = then + *past.ejected_for;
    record.ejections = past.ejections;
    record.needed = past.needed;
    if (past.held_for) {
        record.measured = MeasuredState::down;
        record.was = MeasuredState::up; // for cut_off, and for its penalty if it does fall
        record.held_until = then + *past.held_for;
    }
    if (!past.rising) return;
    record.rose = then - *past.rising;
    record.took_flows = true; // its next ruling goes on with the slow start
}

} // namespace pointsman
