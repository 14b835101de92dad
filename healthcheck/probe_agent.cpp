#include "healthcheck/probe.hpp"
#include "healthcheck/probe_agent_answer.hpp"
#include "healthcheck/probe_connection.hpp"
#include "healthcheck/probe_socket.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>

#include <array>

namespace pointsman {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::size_t line_limit = 1024;
constexpr std::size_t ignored_limit = 32; ///< octets shown of a word

/// The first line, ended by a line feed, the connection's end or the limit.
asio::awaitable<error_code> read_line(ProbeConnection& connection, std::string& line) {
    std::array<char, line_limit> buffer;
    while (line.size() < line_limit) {
        auto const piece = co_await connection.read(buffer);
        if (piece.error == asio::error::eof && !line.empty()) break;
        if (piece.error) co_return piece.error;
        line.append(piece.octets.substr(0, line_limit - line.size()));
        auto const end = line.find('\n');
        if (end == std::string::npos) continue;
        line.resize(end);
        break;
    }
    co_return error_code{};
}

/// Its reason, and what it said in vain.
std::string text_of(AgentAnswer const& answer) {
    if (answer.ignored.empty()) return answer.reason;
    auto const word = answer.ignored.substr(0, ignored_limit);
    return "ignored: \"" + word + "\"" + (answer.reason.empty() ? "" : "; " + answer.reason);
}

Outcome judge(Outcome outcome, std::string_view line) {
    bool const is_whole = line.size() < line_limit;
    auto const answer = is_whole ? parse_agent_line(line) : std::nullopt;
    if (!answer) {
        outcome.code = OutcomeCode::L7RSP;
        outcome.text = is_whole ? "no word that an agent may say" : "a line that does not end";
        outcome.first_bytes = line.substr(0, first_bytes_limit);
        return outcome;
    }
    outcome.code = answer->healthy.value_or(true) ? OutcomeCode::L7OK : OutcomeCode::L7STS;
    outcome.healthy = answer->healthy;
    outcome.asks = answer->asks;
    outcome.weight_percent = answer->weight_percent;
    outcome.text = text_of(*answer).substr(0, outcome_text_limit);
    if (!outcome.passed()) outcome.first_bytes = line.substr(0, first_bytes_limit);
    return outcome;
}

} // namespace

asio::awaitable<Outcome> probe_agent(ProbeTarget target) {
    ProbeConnection connection{co_await asio::this_coro::executor, target};
    if (auto const error = co_await connection.connect())
        co_return connection.failure(ProbeStep::connect, error);
    error_code error;
    if (!target.check->send.empty()) error = co_await connection.write(target.check->send);
    std::string line;
    if (!error) error = co_await read_line(connection, line);
    if (!error) co_return judge(connection.outcome(OutcomeCode::L7OK), line);
    auto outcome = connection.failure(ProbeStep::answer, error);
    outcome.first_bytes = line.substr(0, first_bytes_limit);
    co_return outcome;
}

} // namespace pointsman
