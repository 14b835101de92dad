#include "healthcheck/timetable.hpp"

#include <boost/asio/error.hpp>

#include <utility>

namespace pointsman {

namespace asio = boost::asio;

Timetable::Timetable(asio::any_io_executor const& executor, OnDue on_due)
    : on_due_{std::move(on_due)}
    , timer_{executor}
    , self_{std::make_shared<Timetable*>(this)} {}

Timetable::~Timetable() {
    *self_ = nullptr;
}

void Timetable::put(Entry& entry, TimePoint at) {
    if (entry.moment_ && (*entry.moment_)->first == at) return;
    take_out(entry);
    if (at == TimePoint::max()) return;
    entry.moment_ = moments_.try_emplace(at).first;
    (*entry.moment_)->second.push_back(entry);
    wait();
}

void Timetable::take_out(Entry& entry) noexcept {
    auto const moment = std::exchange(entry.moment_, std::nullopt);
    if (!moment) return;
    entry.unlink();
    if ((*moment)->second.empty()) moments_.erase(*moment);
}

void Timetable::rest() {
    timer_.cancel();
    waiting_for_.reset();
}

/// Set once for all that are put in meanwhile. One that is set too early is left to run out.
void Timetable::wait() {
    if (calling_ || moments_.empty() || (waiting_for_ && *waiting_for_ <= moments_.begin()->first)) return;
    waiting_for_ = moments_.begin()->first;
    timer_.expires_at(*waiting_for_);
    timer_.async_wait([self = self_](boost::system::error_code error) {
        if (!*self || error == asio::error::operation_aborted) return;
        (*self)->waiting_for_.reset();
        (*self)->call();
    });
}

void Timetable::call() {
    struct Calling {
        Timetable& timetable;
        ~Calling() {
            timetable.calling_ = false;
            timetable.wait();
        }
    } const calling{*this};
    calling_ = true;
    call_all_due();
}

void Timetable::call_all_due() {
    auto const now = std::chrono::steady_clock::now();
    while (!moments_.empty() && moments_.begin()->first <= now) {
        auto const due = moments_.begin()->first;
        auto& entry = static_cast<Entry&>(moments_.begin()->second.front());
        take_out(entry);
        on_due_(entry, due);
    }
}

} // namespace pointsman
