// Falls that may be our own fault: of many hosts at the same time, or behind a link of ours.
#include "controller/plan/judgement.hpp"

#include <algorithm>
#include <utility>

namespace pointsman {

std::optional<Alarm> Judgement::note(BackendKey const& key, Finding const& finding, TimePoint now) {
    auto* found = records_.find(key);
    if (!found) return std::nullopt;
    auto& record = *found;
    auto const was = std::exchange(record.measured, finding.measured);
    bool const answered = works(finding.measured) || withdrew(finding.measured);
    if (answered && std::exchange(record.held_until, std::nullopt)) confirmed_.insert(key);
    bool const unanswered = finding.failed && finding.silent;
    if (unanswered != record.failing.has_value()) touched_.insert(key);
    if (!unanswered)
        record.failing.reset();
    else if (!record.failing)
        record.failing = now;
    if (!works(was) || finding.measured != MeasuredState::down || !finding.silent) return std::nullopt;

    record.fell = now;
    for (auto const* scope : {&key.service, static_cast<std::string const*>(nullptr)}) {
        auto& until = holds_[scope ? *scope : std::string{}];
        if (now < until) {
            record.held_until = until;
            calm_.erase(key.service);
            return std::nullopt;
        }
        if (until != TimePoint{} && now < until + hold_pause) return std::nullopt;
        if (!majority_is_failing(scope, now)) continue;
        until = now + hold_time;
        hold_all(scope, now);
        return Alarm{"correlated_failures",
                     "most backends " + (scope ? "of " + *scope : std::string{"of all services"}) +
                         " stopped answering at the same time, as if our own link "
                         "had failed: their verdicts wait for " +
                         std::to_string(hold_time.count()) + " s",
                     0,
                     {},
                     hold_time};
    }
    return std::nullopt;
}

/// Of the hosts that worked until a moment ago, more than half answer nothing. A host that refuses
/// connections answers. Nearly always few fail: then a few of the others tell that it is no majority, and a
/// verdict on one of thousands does not wait until all hosts are counted.
bool Judgement::majority_is_failing(std::string const* service, TimePoint now) const {
    auto const is_failing = [](Record const& record) {
        return record.failing && record.measured != MeasuredState::unknown;
    };
    auto const worked = [now](Record const& record) {
        return works(record.measured) || (record.fell && now - *record.fell <= same_time);
    };
    auto const from = service ? records_.from({*service, {}}) : records_.begin();
    auto const is_elsewhere = [service](auto const& entry) { return entry.first.service != *service; };
    auto const to = service ? std::find_if(from, records_.end(), is_elsewhere) : records_.end();
    std::set<Address> failing; // hosts where all that runs is failing, as far as it was looked at
    for (auto entry = from; entry != to; ++entry)
        if (is_failing(entry->second) && worked(entry->second)) failing.insert(entry->second.host);
    std::set<Address> hosts;
    for (auto entry = from; entry != to && failing.size() * 2 > hosts.size(); ++entry) {
        auto const& record = entry->second;
        if (!worked(record)) continue;
        hosts.insert(record.host);
        if (!is_failing(record)) failing.erase(record.host);
    }
    return hosts.size() >= fewest_hosts && failing.size() * 2 > hosts.size();
}

void Judgement::hold_all(std::string const* service, TimePoint now) {
    for (auto& [key, record] : records_)
        if ((!service || key.service == *service) && record.measured == MeasuredState::down && record.fell &&
            now - *record.fell <= same_time)
            record.held_until = now + hold_time;
    calm_.clear();
}

Answers Judgement::take_answers() {
    Answers answers;
    for (auto const& key : std::exchange(touched_, {})) {
        auto const* record = records_.find(key);
        if (!record) continue;
        (record->failing ? answers.unanswered : answers.answered).insert(key);
    }
    answers.confirmed = std::exchange(confirmed_, {});
    return answers;
}

void Judgement::recall(Answers const& answers, TimePoint now) {
    auto const with = [this](std::set<BackendKey> const& keys, auto change) {
        for (auto const& key : keys)
            if (auto* record = records_.find(key)) change(*record);
    };
    calm_.clear();
    with(answers.unanswered, [now](Record& record) { record.failing = record.failing.value_or(now); });
    with(answers.answered, [](Record& record) { record.failing.reset(); });
    with(answers.confirmed, [](Record& record) { record.held_until.reset(); });
}

void Judgement::cut_off(std::set<BackendKey> const& keys, TimePoint now) {
    for (auto& [key, record] : records_) {
        bool const was = std::exchange(record.cut_off, keys.contains(key));
        bool const just_fell = record.fell && now - *record.fell <= same_time;
        if (was || record.cut_off) calm_.erase(key.service);
        if (!was && record.cut_off) record.spared = works(record.was) || just_fell;
        if (!was || record.cut_off || !record.spared) continue;
        record.held_until = now + hold_time + record.probed_again;
        confirmed_.erase(key);
    }
}

} // namespace pointsman
