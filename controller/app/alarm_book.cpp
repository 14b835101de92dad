#include "controller/app/alarm_book.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace pointsman {

bool AlarmBook::raise(Alarm alarm, TimePoint now) {
    auto const same = std::find_if(active_.begin(), active_.end(), [&](ActiveAlarm const& known) {
        return known.alarm.because == alarm.because && known.alarm.subject == alarm.subject;
    });
    if (same == active_.end()) {
        active_.push_back({std::move(alarm), now, now, now});
        return true;
    }
    same->alarm = std::move(alarm);
    same->raised = now;
    ++same->times;
    if (now - same->told < told_again) return false;
    same->told = now;
    return true;
}

std::vector<ActiveAlarm> AlarmBook::end(TimePoint now, std::function<bool(Alarm const&)> const& is_over) {
    auto const goes_on = [&](ActiveAlarm const& known) {
        bool const expired = known.alarm.lasts && now - known.raised >= *known.alarm.lasts;
        return !expired && !is_over(known.alarm);
    };
    auto const first = std::stable_partition(active_.begin(), active_.end(), goes_on);
    std::vector<ActiveAlarm> ended{std::make_move_iterator(first), std::make_move_iterator(active_.end())};
    active_.erase(first, active_.end());
    return ended;
}

} // namespace pointsman
