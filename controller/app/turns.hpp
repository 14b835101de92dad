#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>

namespace pointsman {

/// Long work on the loop in turns, so that probes and verdicts never wait for more than one:
/// `if (turn.is_over()) co_await turn.next();`. What the loop owns may be another one after it.
class Turn {
public:
    [[nodiscard]] bool is_over() const noexcept { return Clock::now() - began_ > length; }

    /// When all else has been done that was to be done by now.
    [[nodiscard]] boost::asio::awaitable<void> next() {
        co_await boost::asio::post(co_await boost::asio::this_coro::executor, boost::asio::use_awaitable);
        began_ = Clock::now();
    }

private:
    using Clock = std::chrono::steady_clock;

    static constexpr std::chrono::milliseconds length{2};

    Clock::time_point began_ = Clock::now();
};

} // namespace pointsman
