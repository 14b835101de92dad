#include "healthcheck/answer_search.hpp"
#include "healthcheck/probe.hpp"
#include "healthcheck/probe_deadline.hpp"
#include "healthcheck/probe_socket.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <cerrno>
#include <sys/socket.h>

namespace pointsman {

namespace asio = boost::asio;
using asio::ip::udp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

Outcome ended(Clock::time_point started, OutcomeCode code, error_code error = {}) {
    return {code, elapsed_since(started), errno_of(error), 0, {}};
}

/// A port that is closed says so by ICMP, at once; everything else about it is the answer's step.
OutcomeCode code_of_udp_error(error_code error) noexcept {
    return error.value() == ECONNREFUSED ? OutcomeCode::L4CON : code_of_answer_error(error);
}

Outcome judge(Outcome outcome, Expectation const& expected, std::string_view datagram) {
    AnswerSearch search{expected};
    auto verdict = search.take(datagram);
    if (verdict == AnswerSearch::Verdict::open) verdict = search.end();
    if (verdict == AnswerSearch::Verdict::found) return outcome;
    outcome.code = OutcomeCode::L7RSP;
    outcome.text = reason_of(verdict);
    outcome.first_bytes = datagram.substr(0, first_bytes_limit);
    return outcome;
}

} // namespace

asio::awaitable<Outcome> probe_udp(ProbeTarget target) {
    auto const started = Clock::now();
    auto const& check = *target.check;
    error_code error;
    auto const executor = co_await asio::this_coro::executor;
    ProbePass pass{executor, target};
    udp::socket socket{executor};
    int const fd = connect_probe_socket(target, SocketUse::datagram, pass, error);
    if (fd < 0) co_return ended(started, code_of_connect_error(error), error);
    socket.assign(target.address.is_v4() ? udp::v4() : udp::v6(), fd, error);
    if (!error && ::send(fd, check.send.data(), check.send.size(), MSG_NOSIGNAL) < 0) error = last_error();
    if (error) co_return ended(started, code_of_udp_error(error), error);

    ProbeDeadline const deadline{socket.get_executor(), started + check.policy.timeout,
                                 [&socket] { socket.cancel(); }};
    std::string datagram(check.expect.limit, '\0'); // what is longer is cut off
    auto const [failed, size] = co_await socket.async_receive(asio::buffer(datagram), as_result);
    if (failed && deadline.passed())
        co_return ended(started, check.expect.is_set() ? OutcomeCode::L7TOUT : OutcomeCode::L4OK);
    throw_if_cancelled(failed);
    if (failed) co_return ended(started, code_of_udp_error(failed), failed);
    co_return judge(ended(started, OutcomeCode::L7OK), check.expect,
                    std::string_view{datagram}.substr(0, size));
}

} // namespace pointsman
