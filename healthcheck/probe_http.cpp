#include "healthcheck/probe.hpp"
#include "healthcheck/probe_http_message.hpp"
#include "healthcheck/probe_socket.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/tcp_stream.hpp>

#include <algorithm>
#include <array>

namespace pointsman {

namespace asio = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;
using Progress = HttpAnswer::Progress;

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

bool is_expected(unsigned status, std::vector<StatusRange> const& expected) noexcept {
    return std::ranges::any_of(expected,
                               [status](StatusRange r) { return r.first <= status && status <= r.last; });
}

OutcomeCode connect_failure(error_code error) noexcept {
    return error == beast::error::timeout ? OutcomeCode::L4TOUT : code_of_connect_error(error);
}

OutcomeCode answer_failure(error_code error) noexcept {
    return error == beast::error::timeout ? OutcomeCode::L7TOUT : code_of_answer_error(error);
}

OutcomeCode judge(HttpAnswer const& answer, Progress progress, Check const& check) noexcept {
    if (progress != Progress::complete) return OutcomeCode::L7RSP;
    return is_expected(answer.status(), check.expect_status) ? OutcomeCode::L7OK : OutcomeCode::L7STS;
}

/// Reads up to the end of the head and no further: a body, however long, is left to the reset that ends the
/// probe. Fails with what ended the stream before that.
asio::awaitable<error_code> read_head(beast::tcp_stream& stream, HttpAnswer& answer, Progress& progress,
                                      std::optional<Clock::time_point>& first_byte) {
    std::array<char, 2048> piece;
    while (progress == Progress::incomplete) {
        auto const [error, size] = co_await stream.async_read_some(asio::buffer(piece), as_result);
        if (error) co_return error;
        if (!first_byte) first_byte = Clock::now();
        progress = answer.take({piece.data(), size});
    }
    co_return error_code{};
}

/// Asks and reads on a stream that is connected and has its deadline. `duration` is left to the caller.
asio::awaitable<Outcome> ask(beast::tcp_stream& stream, ProbeTarget const& target,
                             Clock::time_point started) {
    auto const request = request_text(target);
    HttpAnswer answer;
    auto progress = Progress::incomplete;
    auto [error, written] = co_await asio::async_write(stream, asio::buffer(request), as_result);
    Outcome outcome;
    std::optional<Clock::time_point> first_byte;
    if (!error) {
        outcome.steps.sent = elapsed_since(started);
        error = co_await read_head(stream, answer, progress, first_byte);
    }
    throw_if_cancelled(error);

    if (first_byte)
        outcome.steps.first_byte =
            std::chrono::duration_cast<std::chrono::microseconds>(*first_byte - started);
    outcome.code = error ? answer_failure(error) : judge(answer, progress, target.check);
    outcome.error = errno_of(error);
    outcome.status = answer.status();
    if (!outcome.passed()) outcome.first_bytes = answer.first_bytes();
    co_return outcome;
}

} // namespace

boost::asio::awaitable<Outcome> probe_http(ProbeTarget target) {
    auto const started = Clock::now();
    auto const executor = co_await asio::this_coro::executor;

    error_code open_error;
    beast::tcp_stream stream{open_probe_socket(executor, target.address, open_error)};
    if (open_error)
        co_return Outcome{connect_failure(open_error), elapsed_since(started), errno_of(open_error), 0, {}};

    stream.expires_at(started + target.check.policy.timeout); // of everything that follows, together
    auto const [connect_error] = co_await stream.async_connect(endpoint_of(target), as_result);
    throw_if_cancelled(connect_error);
    if (connect_error)
        co_return Outcome{
            connect_failure(connect_error), elapsed_since(started), errno_of(connect_error), 0, {}};

    auto const connected = elapsed_since(started);
    auto outcome = co_await ask(stream, target, started);
    outcome.steps.connected = connected;
    outcome.duration = elapsed_since(started);
    co_return outcome;
}

} // namespace pointsman
