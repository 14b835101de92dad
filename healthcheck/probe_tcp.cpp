#include "healthcheck/answer_search.hpp"
#include "healthcheck/probe.hpp"
#include "healthcheck/probe_connection.hpp"
#include "healthcheck/probe_socket.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>

#include <array>

namespace pointsman {

namespace asio = boost::asio;
using Verdict = AnswerSearch::Verdict;

namespace {

constexpr std::size_t piece_size = 2048;

/// Reads until the expected came or cannot come any more.
asio::awaitable<Outcome> await_expected(ProbeConnection& connection, Expectation const& expected) {
    AnswerSearch search{expected};
    std::array<char, piece_size> buffer;
    auto verdict = Verdict::open;
    ProbeConnection::Piece piece;
    while (verdict == Verdict::open) {
        piece = co_await connection.read(buffer);
        if (piece.error && piece.error != asio::error::eof) break;
        verdict = piece.error ? search.end() : search.take(piece.octets);
    }
    if (verdict == Verdict::found) co_return connection.outcome(OutcomeCode::L7OK);
    auto outcome = verdict == Verdict::open ? connection.failure(ProbeStep::answer, piece.error)
                                            : connection.outcome(OutcomeCode::L7RSP);
    outcome.text = reason_of(verdict == Verdict::open ? Verdict::missing : verdict);
    outcome.first_bytes = search.octets().substr(0, first_bytes_limit);
    co_return outcome;
}

} // namespace

asio::awaitable<Outcome> probe_tcp(ProbeTarget target) {
    ProbeConnection connection{co_await asio::this_coro::executor, target};
    auto const& check = *target.check;
    if (auto const error = co_await connection.connect())
        co_return connection.failure(ProbeStep::connect, error);
    if (!check.send.empty())
        if (auto const error = co_await connection.write(check.send))
            co_return connection.failure(ProbeStep::answer, error);
    if (check.expect.is_set()) co_return co_await await_expected(connection, check.expect);
    co_return connection.outcome(OutcomeCode::L4OK);
}

} // namespace pointsman
