#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>

namespace pointsman {

/// When things are due, many at the same moments, and one timer for all. One thread.
class Timetable {
    struct Linked
        : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {};
    using Together = boost::intrusive::list<Linked, boost::intrusive::constant_time_size<false>>;
    using Moments = std::map<std::chrono::steady_clock::time_point, Together>;

public:
    using TimePoint = std::chrono::steady_clock::time_point;

    /// To be derived from; taken out before it is destroyed.
    class Entry : Linked {
        friend class Timetable;
        std::optional<Moments::iterator> moment_{};
    };

    /// Told of an entry that was taken out, and when it was due. May put it in again, and any other.
    using OnDue = std::function<void(Entry&, TimePoint due)>;

    /// Nothing is told before the executor runs, nor after the destruction.
    Timetable(boost::asio::any_io_executor const& executor, OnDue on_due);
    Timetable(Timetable const&) = delete;
    Timetable& operator=(Timetable const&) = delete;
    ~Timetable();

    /// Instead of its former time, if it had one. TimePoint::max(): takes it out.
    void put(Entry& entry, TimePoint at);
    void take_out(Entry& entry) noexcept;

    /// Nothing is in it: no timer keeps the executor busy.
    void rest();

private:
    void wait();
    void call();
    void call_all_due();

    OnDue on_due_;
    Moments moments_; ///< none is empty
    bool calling_ = false;
    boost::asio::steady_timer timer_;
    std::optional<TimePoint> waiting_for_; ///< of timer_; never later than the first moment
    std::shared_ptr<Timetable*> self_;     ///< null from the destructor on; shared with completions
};

} // namespace pointsman
