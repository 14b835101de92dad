// What one process tells the next one about the backends' past.
#include "controller/plan/judgement.hpp"

namespace pointsman {

std::optional<Past> Judgement::past_of(BackendKey const& key, TimePoint now) const {
    auto const found = records_.find(key);
    return found == records_.end() ? std::nullopt : past_of(found->second, now);
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
    past.needed = record.needed || (record.took_flows && is_ruled_out(past));
    return past == Past{} ? std::nullopt : std::optional{past};
}

void Judgement::remember(BackendKey const& key, Past const& past, TimePoint then) {
    auto const found = records_.find(key);
    if (found == records_.end()) return;
    auto& record = found->second;
    record.penalty = past.penalty;
    record.penalised = then;
    record.damped = past.damped;
    if (past.ejected_for) record.ejected_until = then + *past.ejected_for;
    record.ejections = past.ejections;
    record.needed = past.needed;
    if (!past.rising) return;
    record.rose = then - *past.rising;
    record.took_flows = true; // its next ruling goes on with the slow start
}

} // namespace pointsman
