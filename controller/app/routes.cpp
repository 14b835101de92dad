#include "controller/app/routes.hpp"

#include "controller/app/daemon.hpp"
#include "controller/app/metrics.hpp"
#include "controller/app/status.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace asio = boost::asio;
namespace json = boost::json;

namespace pointsman {
namespace {

constexpr std::int64_t max_deadline_ms = 86'400'000; ///< a day
constexpr std::int64_t max_weight = 65535;

ApiResponse failure(unsigned status, std::string_view text) {
    return {status, "application/json", json::serialize(json::object{{"error", text}}) + "\n"};
}

ApiResponse to_response(Answer const& answer) {
    switch (answer.kind) {
    case Answer::Kind::done:
        return {200, "application/json", json::serialize(json::object{{"result", answer.text}}) + "\n"};
    case Answer::Kind::invalid: return failure(422, answer.text);
    case Answer::Kind::refused: return failure(409, answer.text);
    case Answer::Kind::unknown: return failure(404, answer.text);
    }
    return failure(500, "no such kind");
}

std::string text_of(json::object const& object, std::string_view key) {
    auto const* value = object.if_contains(key);
    return value && value->is_string() ? std::string{value->get_string()} : std::string{};
}

std::optional<AdminState> admin_state(std::string_view word) {
    for (auto const state : {AdminState::ready, AdminState::drain, AdminState::maint})
        if (name_of(state) == word) return state;
    return std::nullopt;
}

asio::awaitable<ApiResponse> order(Daemon& daemon, ApiRequest request) {
    boost::system::error_code error;
    auto const body = json::parse(request.body, error);
    if (error || !body.is_object()) co_return failure(400, "the body must be a JSON object");
    auto const& wish = body.as_object();
    auto const state = admin_state(text_of(wish, "state"));
    if (!state) co_return failure(400, "state must be ready, drain or maint");
    AdminOrder admin{*state, text_of(wish, "reason"), std::nullopt, std::nullopt};
    if (auto const* deadline = wish.if_contains("deadline_ms"); deadline && deadline->is_number()) {
        auto const wait = deadline->to_number<std::int64_t>(error);
        if (error || wait < 0 || wait > max_deadline_ms)
            co_return failure(400, "deadline_ms must be a whole number from 0 to 86400000");
        admin.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds{wait};
        admin.then = admin_state(text_of(wish, "then"));
    }
    auto const answer =
        daemon.order({text_of(wish, "service"), text_of(wish, "backend")}, std::move(admin), request.peer);
    co_await daemon.settled();
    co_return to_response(answer);
}

asio::awaitable<ApiResponse> order_weight(Daemon& daemon, ApiRequest request) {
    boost::system::error_code error;
    auto const body = json::parse(request.body, error);
    if (error || !body.is_object()) co_return failure(400, "the body must be a JSON object");
    auto const& wish = body.as_object();
    auto const* number = wish.if_contains("weight");
    auto const weight = number && number->is_number() ? number->to_number<std::int64_t>(error) : -1;
    if (error || weight < 0 || weight > max_weight)
        co_return failure(400, "weight must be a whole number from 0 to 65535");
    WeightOrder order{static_cast<unsigned>(weight), text_of(wish, "reason"), 0};
    auto const answer = daemon.order_weight({text_of(wish, "service"), text_of(wish, "backend")},
                                            std::move(order), request.peer);
    co_await daemon.settled();
    co_return to_response(answer);
}

asio::awaitable<ApiResponse> reload(Daemon& daemon, ApiRequest request) {
    auto const answer = daemon.reload(request.peer);
    co_await daemon.settled();
    co_return to_response(answer);
}

ApiResponse readiness(Daemon const& daemon) {
    auto const ready = is_ready(daemon);
    return {ready ? 200U : 503U, "text/plain", ready ? "ready\n" : "a service has no eligible backend\n"};
}

asio::awaitable<ApiResponse> read_only(Daemon& daemon, ApiRequest request) {
    if (request.method != "GET" && request.method != "HEAD") co_return failure(405, "only GET here");
    if (request.target == "/healthz") co_return ApiResponse{200, "text/plain", "ok\n"};
    if (request.target == "/readyz") co_return readiness(daemon);
    auto const metrics = request.target == "/metrics";
    if (!metrics && request.target != "/v1/status")
        co_return failure(404, "there is nothing at " + request.target.substr(0, 100));
    auto const sessions = co_await daemon.sessions();
    if (metrics)
        co_return ApiResponse{200, "text/plain; version=0.0.4; charset=utf-8",
                              metrics_text(daemon, sessions)};
    co_return ApiResponse{200, "application/json", json::serialize(status_json(daemon, sessions)) + "\n"};
}

asio::awaitable<ApiResponse> control(Daemon& daemon, ApiRequest request) {
    if (request.method == "POST" && request.target == "/v1/reload")
        co_return co_await reload(daemon, std::move(request));
    if (request.method == "POST" && request.target == "/v1/admin")
        co_return co_await order(daemon, std::move(request));
    if (request.method == "POST" && request.target == "/v1/weight")
        co_return co_await order_weight(daemon, std::move(request));
    co_return co_await read_only(daemon, std::move(request));
}

} // namespace

ApiHandler make_control_routes(Daemon& daemon) {
    return [&daemon](ApiRequest request) { return control(daemon, std::move(request)); };
}

ApiHandler make_http_routes(Daemon& daemon) {
    return [&daemon](ApiRequest request) { return read_only(daemon, std::move(request)); };
}

} // namespace pointsman
