#include "controller/datapath/fragment_wait.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace pointsman {
namespace {

using TimePoint = FragmentWait::TimePoint;

/// Less and less often: what reorders packets mostly does so by microseconds.
TimePoint look_after(HeldFragment const& fragment, TimePoint now) {
    using namespace std::chrono_literals;
    auto const pause = std::max<TimePoint::duration>(now - fragment.came, 1ms);
    return std::min(now + pause, fragment.came + FragmentWait::longest);
}

} // namespace

bool FragmentWait::take(HeldFragment fragment, TimePoint now) {
    if (waiting_.size() >= most || now >= fragment.came + longest) return false;
    waiting_.push_back({std::move(fragment), now});
    return true;
}

std::vector<ReleasedFragment>
FragmentWait::look(TimePoint now, std::function<bool(pm_fragment_key const&)> const& first_came) {
    std::vector<ReleasedFragment> released;
    auto const stays = [&](Waiting& waiting) {
        if (waiting.look > now || released.size() == most_at_once) return true;
        auto const came = first_came(waiting.fragment.key);
        if (came || now >= waiting.fragment.came + longest) {
            released.push_back({std::move(waiting.fragment), came});
            return false;
        }
        waiting.look = look_after(waiting.fragment, now);
        return true;
    };
    auto kept = waiting_.begin();
    for (auto& waiting : waiting_)
        if (stays(waiting)) {
            if (&*kept != &waiting) *kept = std::move(waiting);
            ++kept;
        }
    waiting_.erase(kept, waiting_.end());
    return released;
}

std::optional<TimePoint> FragmentWait::next_look() const {
    auto const first = std::ranges::min_element(waiting_, {}, &Waiting::look);
    if (first == waiting_.end()) return std::nullopt;
    return first->look;
}

} // namespace pointsman
