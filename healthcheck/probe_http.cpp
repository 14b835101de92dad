#include "healthcheck/answer_search.hpp"
#include "healthcheck/probe.hpp"
#include "healthcheck/probe_connection.hpp"
#include "healthcheck/probe_http_body.hpp"
#include "healthcheck/probe_http_message.hpp"
#include "healthcheck/probe_socket.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <array>

namespace pointsman {

namespace asio = boost::asio;
using boost::system::error_code;
using Progress = HttpAnswer::Progress;
using Verdict = AnswerSearch::Verdict;

namespace {

constexpr std::size_t piece_size = 2048;

/// One request and its answer on a connection that stands.
class HttpExchange {
public:
    HttpExchange(ProbeConnection& connection, ProbeTarget const& target)
        : connection_{connection}
        , check_{*target.check}
        , search_{target.check->expect} {}

    asio::awaitable<Outcome> run(std::string request) {
        auto error = co_await connection_.write(request);
        auto progress = Progress::incomplete;
        ProbeConnection::Piece piece;
        while (!error && progress == Progress::incomplete) {
            piece = co_await connection_.read(buffer_);
            error = piece.error;
            if (!error) progress = answer_.take(piece.octets);
        }
        auto outcome =
            error ? connection_.failure(ProbeStep::answer, error) : connection_.outcome(OutcomeCode::L7OK);
        outcome.status = answer_.status();
        outcome.first_bytes = answer_.first_bytes();
        outcome.text = why_incomplete(error, answer_);
        if (error) co_return outcome;
        outcome.first_bytes.clear();
        outcome.text.clear();
        outcome = judge_head(std::move(outcome), answer_, progress, check_);
        bool const body_decides = outcome.passed() && !outcome.asks && check_.expect.is_set();
        if (body_decides) co_return co_await judge_body(std::move(outcome), answer_.body_of(piece.octets));
        co_return outcome;
    }

private:
    /// Reads as much of the body as it takes to find what is expected or to know that it is not there.
    asio::awaitable<Outcome> judge_body(Outcome passed, std::string_view begun) {
        HttpBody body{answer_.framing(), check_.method, answer_.status()};
        auto verdict = take(body, begun);
        while (verdict == Verdict::open) {
            auto const piece = co_await connection_.read(buffer_);
            if (piece.error && piece.error != asio::error::eof) {
                auto failed = connection_.failure(ProbeStep::answer, piece.error);
                failed.status = answer_.status();
                failed.text = failed.code == OutcomeCode::L7TOUT
                                  ? "the expected text did not come in time"
                                  : "the body ended before the expected text came";
                failed.first_bytes = search_.octets().substr(0, first_bytes_limit);
                co_return failed;
            }
            if (piece.error) body.end();
            verdict = piece.error ? search_.end() : take(body, piece.octets);
        }
        if (verdict != Verdict::found) {
            passed.code = OutcomeCode::L7RSP;
            passed.text = body.progress() == HttpBody::Progress::invalid
                              ? "the body is cut short or has no valid form"
                              : reason_of(verdict);
            passed.first_bytes = search_.octets().substr(0, first_bytes_limit);
        }
        passed.duration = connection_.outcome(passed.code).duration;
        co_return passed;
    }

    Verdict take(HttpBody& body, std::string_view octets) {
        std::string content;
        bool const more = body.take(octets, content) == HttpBody::Progress::incomplete;
        auto const verdict = search_.take(content);
        return verdict == Verdict::open && !more ? search_.end() : verdict;
    }

    ProbeConnection& connection_;
    Check const& check_;
    HttpAnswer answer_;
    AnswerSearch search_;
    std::array<char, piece_size> buffer_;
};

} // namespace

asio::awaitable<Outcome> probe_http(ProbeTarget target) {
    ProbeConnection connection{co_await asio::this_coro::executor, target};
    if (auto const error = co_await connection.connect())
        co_return connection.failure(ProbeStep::connect, error);
    if (target.check->type == CheckType::https) {
        std::string flaw;
        if (auto const error = co_await connection.start_tls(flaw)) {
            auto outcome = connection.failure(ProbeStep::tls, error);
            outcome.text = flaw.substr(0, outcome_text_limit);
            co_return outcome;
        }
    }
    HttpExchange exchange{connection, target};
    co_return co_await exchange.run(request_text(target));
}

} // namespace pointsman
