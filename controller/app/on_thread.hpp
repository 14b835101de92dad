#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace pointsman {

/// Runs `work`, which must not throw, on another thread and resumes here when it is done.
template<typename Work>
boost::asio::awaitable<void> on_thread(boost::asio::thread_pool& thread, Work work) {
    auto const here = co_await boost::asio::this_coro::executor;
    auto const start = [&thread, here](auto handler, Work task) {
        boost::asio::post(thread, [here, handler = std::move(handler), task = std::move(task),
                                   stay = boost::asio::make_work_guard(here)]() mutable {
            task();
            boost::asio::post(here, std::move(handler));
        });
    };
    co_await boost::asio::async_initiate<boost::asio::use_awaitable_t<> const, void()>(
        start, boost::asio::use_awaitable, std::move(work));
}

} // namespace pointsman
