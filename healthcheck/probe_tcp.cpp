#include "healthcheck/probe.hpp"
#include "healthcheck/probe_socket.hpp"

#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace pointsman {

namespace asio = boost::asio;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

boost::asio::awaitable<Outcome> probe_tcp(ProbeTarget target) {
    auto const started = Clock::now();
    auto const executor = co_await asio::this_coro::executor;

    error_code open_error;
    auto socket = open_probe_socket(executor, target.address, open_error);
    if (open_error)
        co_return Outcome{
            code_of_connect_error(open_error), elapsed_since(started), errno_of(open_error), 0, {}};

    // Both operations have ended when the group has, so neither outlives this frame.
    asio::steady_timer deadline{executor, started + target.check.policy.timeout};
    auto connect_or_deadline = asio::experimental::make_parallel_group(
        socket.async_connect(endpoint_of(target), asio::deferred), deadline.async_wait(asio::deferred));
    auto const [order, error, timer_error] =
        co_await connect_or_deadline.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);

    if (!error) {
        auto const connected = elapsed_since(started);
        co_return Outcome{OutcomeCode::L4OK, connected, 0, 0, {}, {.connected = connected}};
    }
    if (!timer_error && order[0] == 1)
        co_return Outcome{OutcomeCode::L4TOUT, elapsed_since(started), 0, 0, {}};
    throw_if_cancelled(error);
    co_return Outcome{code_of_connect_error(error), elapsed_since(started), errno_of(error), 0, {}};
}

} // namespace pointsman
