#include "healthcheck/evidence_row.hpp"

namespace pointsman {
namespace {

/// While a target rests, whatever ends its rest speaks against that.
bool speaks_against(MeasuredState state, Outcome const& outcome) {
    if (state == MeasuredState::resting) return !outcome.rests();
    return works(state) != outcome.passed();
}

} // namespace

void EvidenceRow::take(HealthState const& was, bool decides, TimePoint began, Outcome const& outcome,
                       HealthPolicy const& policy) {
    if (outcome.passed()) first_failure_.reset();
    if (!outcome.passed() && !first_failure_) first_failure_ = began;

    bool const confirms = was.state != MeasuredState::unknown && !speaks_against(was.state, outcome);
    if (confirms) probes_.clear();
    if (confirms && !decides) return;
    if (probes_.empty()) from_ = was;
    if (probes_.size() == limit) {
        auto const& oldest = probes_.front().outcome;
        from_ = on_outcome(from_, oldest.code, policy, wishes_of(oldest)).state;
        probes_.erase(probes_.begin());
    }
    probes_.push_back({began, outcome});
}

} // namespace pointsman
