#include "healthcheck/grpc_health.hpp"
#include "healthcheck/http2_call.hpp"
#include "healthcheck/probe.hpp"
#include "healthcheck/probe_connection.hpp"
#include "healthcheck/probe_socket.hpp"

#include <boost/asio/this_coro.hpp>

#include <array>

namespace pointsman {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::size_t piece_size = 4096;

/// Until the call has ended or cannot end well any more.
asio::awaitable<error_code> exchange(ProbeConnection& connection, Http2Call& call) {
    std::array<char, piece_size> buffer;
    error_code error;
    while (!error) {
        auto const octets = call.to_send();
        if (!octets.empty()) error = co_await connection.write(octets);
        if (error || call.ended()) break;
        auto const piece = co_await connection.read(buffer);
        error = piece.error;
        if (!error) call.take(piece.octets);
    }
    co_return error;
}

Outcome judge(ProbeConnection const& connection, Http2Call const& call, error_code error) {
    if (error && !call.ended()) {
        auto outcome = connection.failure(ProbeStep::answer, error);
        outcome.status = call.answer().http_status;
        outcome.first_bytes = call.first_bytes();
        return outcome;
    }
    auto outcome = judge_health(call.answer());
    if (!call.flaw().empty()) {
        outcome.code = OutcomeCode::L7RSP;
        outcome.text = call.flaw();
    }
    outcome.duration = connection.outcome(outcome.code).duration;
    if (outcome.code == OutcomeCode::L7RSP) outcome.first_bytes = call.first_bytes();
    return outcome;
}

} // namespace

asio::awaitable<Outcome> probe_grpc(ProbeTarget target) {
    ProbeConnection connection{co_await asio::this_coro::executor, target};
    auto const& check = *target.check;
    if (auto const error = co_await connection.connect())
        co_return connection.failure(ProbeStep::connect, error);
    if (check.tls.required) {
        std::string flaw;
        if (auto const error = co_await connection.start_tls(flaw)) {
            auto outcome = connection.failure(ProbeStep::tls, error);
            outcome.text = flaw.substr(0, outcome_text_limit);
            co_return outcome;
        }
    }
    auto const port = std::to_string(target.port);
    auto const address = target.address.is_v4() ? target.address.text() : "[" + target.address.text() + "]";
    Http2Call call{{.scheme = check.tls.required ? "https" : "http",
                    .authority = check.tls.sni.empty() ? address + ":" + port : check.tls.sni,
                    .path = "/grpc.health.v1.Health/Check",
                    .body = health_request(check.grpc_service)}};
    auto const error = co_await exchange(connection, call);
    co_return judge(connection, call, error);
}

} // namespace pointsman
