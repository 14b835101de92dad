#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>
#include <memory>

namespace pointsman {

/// Calls back once, unless it is destroyed before its time. One thread.
class ProbeDeadline {
public:
    ProbeDeadline(boost::asio::any_io_executor const& executor, std::chrono::steady_clock::time_point at,
                  std::function<void()> on_passed);
    ProbeDeadline(ProbeDeadline const&) = delete;
    ProbeDeadline& operator=(ProbeDeadline const&) = delete;
    ~ProbeDeadline() { *on_passed_ = nullptr; }

    /// True from the callback on.
    [[nodiscard]] bool passed() const noexcept { return *on_passed_ == nullptr; }

private:
    boost::asio::steady_timer timer_;
    /// Shared with the timer's completion, which may be on its way when this goes.
    std::shared_ptr<std::function<void()>> on_passed_;
};

} // namespace pointsman
