// Verdicts in services where nothing but the probes decides: they concern nobody else.
#include "controller/plan/judgement.hpp"

namespace pointsman {

/// Does nothing but its probes decide over it, and time change nothing?
bool Judgement::is_calm(Record const& record, TimePoint now) {
    auto const lasts = [now](std::optional<TimePoint> const& until) { return until && now < *until; };
    return !record.cut_off && !record.damped && !record.rose && !record.awaited_until &&
           !lasts(record.held_until) && !lasts(record.ejected_until);
}

std::vector<ChangedRuling> Judgement::update(Rulings& rulings, BackendKey const& verdict,
                                             std::map<BackendKey, MeasuredState> const& measured,
                                             std::map<BackendKey, AdminState> const& admin, TimePoint now) {
    if (auto changed = rule_alone(rulings, verdict, measured, now)) return std::move(*changed);
    return update(rulings, &verdict.service, measured, admin, now);
}

/// @return nullopt: its service has to be ruled on, because a rule is or comes into force there.
std::optional<std::vector<ChangedRuling>>
Judgement::rule_alone(Rulings& rulings, BackendKey const& key,
                      std::map<BackendKey, MeasuredState> const& measured, TimePoint now) {
    if (!calm_.contains(key.service)) return std::nullopt;
    auto* found = records_.find(key);
    auto const ruling = rulings.of.find(key);
    auto const by_probes = measured.find(key);
    if (!found || ruling == rulings.of.end() || by_probes == measured.end() ||
        by_probes->second == MeasuredState::unknown)
        return std::nullopt;
    auto& record = *found;
    auto const state = settle(record, by_probes->second, now);
    bool const takes = works(state);
    bool const starts_slowly =
        takes && !record.took_flows && record.returns && record.slow_start > Duration::zero();
    if (state != by_probes->second || starts_slowly || !is_calm(record, now)) return std::nullopt;
    record.returns = true;
    record.needed = false;
    record.took_flows = takes;
    Ruling const is{.measured = state};
    auto const was = std::exchange(ruling->second, is);
    return was == is ? std::vector<ChangedRuling>{} : std::vector<ChangedRuling>{{key, was, is}};
}

} // namespace pointsman
