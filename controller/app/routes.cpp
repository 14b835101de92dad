#include "controller/app/routes.hpp"

#include "controller/api/url.hpp"
#include "controller/app/daemon.hpp"
#include "controller/app/drops.hpp"
#include "controller/app/flow_questions.hpp"
#include "controller/app/metrics.hpp"
#include "controller/app/on_thread.hpp"
#include "controller/app/orders.hpp"
#include "controller/app/responses.hpp"
#include "controller/app/status.hpp"
#include "controller/app/status_page.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>

namespace asio = boost::asio;
namespace json = boost::json;

namespace pointsman {
namespace {

using Handler = asio::awaitable<ApiResponse> (*)(Daemon&, ApiRequest, Url);

asio::awaitable<ApiResponse> healthz(Daemon&, ApiRequest, Url) {
    co_return ApiResponse{200, "text/plain", "ok\n"};
}

asio::awaitable<ApiResponse> readyz(Daemon& daemon, ApiRequest, Url) {
    auto const ready = is_ready(daemon);
    co_return ApiResponse{ready ? 200U : 503U, "text/plain",
                          ready ? "ready\n" : "a service has no eligible backend\n"};
}

asio::awaitable<ApiResponse> metrics(Daemon& daemon, ApiRequest, Url) {
    auto sessions = co_await daemon.sessions();
    auto text = co_await metrics_text(daemon, std::move(sessions));
    co_return ApiResponse{200, "text/plain; version=0.0.4; charset=utf-8", std::move(text)};
}

asio::awaitable<ApiResponse> status(Daemon& daemon, ApiRequest, Url) {
    auto sessions = co_await daemon.sessions();
    auto text = co_await status_text(daemon, std::move(sessions));
    co_return ApiResponse{200, "application/json", std::move(text)};
}

asio::awaitable<ApiResponse> page(Daemon& daemon, ApiRequest, Url) {
    auto sessions = co_await daemon.sessions();
    auto const text = co_await status_text(daemon, std::move(sessions));
    std::string html;
    auto const write = [&] { html = status_page(json::parse(text).as_object()); };
    co_await on_thread(daemon.reader(), write);
    co_return ApiResponse{200, "text/html; charset=utf-8", std::move(html)};
}

asio::awaitable<ApiResponse> drops(Daemon& daemon, ApiRequest, Url) {
    co_return json_response(drops_json(interface_counts(daemon)));
}

asio::awaitable<ApiResponse> sessions(Daemon& daemon, ApiRequest, Url url) {
    co_return co_await answer_sessions(daemon, std::move(url));
}

asio::awaitable<ApiResponse> why(Daemon& daemon, ApiRequest, Url url) {
    co_return answer_why(daemon, url);
}

struct Route {
    std::string_view method;
    std::string_view path;
    Handler handler;
    bool everywhere = false; ///< on daemon.http too: changes nothing and names no client
};

constexpr Route routes[] = {
    {"GET", "/healthz", healthz, true},     {"GET", "/readyz", readyz, true},
    {"GET", "/metrics", metrics, true},     {"GET", "/", page, true},
    {"GET", "/v1/status", status, true},    {"GET", "/v1/drops", drops, true},
    {"GET", "/v1/sessions", sessions},      {"GET", "/v1/why", why},
    {"POST", "/v1/plan", order_plan},       {"POST", "/v1/reload", order_reload},
    {"POST", "/v1/confirm", order_confirm}, {"POST", "/v1/rollback", order_rollback},
    {"POST", "/v1/admin", order_admin},     {"POST", "/v1/weight", order_weight},
    {"POST", "/v1/probe", order_probe},
};

/// What RFC 9110 asks of a 405: the methods that there are.
ApiResponse wrong_method(std::string_view right, std::string const& where) {
    auto answer = failure(405, "only " + std::string{right} + " " + where);
    answer.allow = right == "GET" ? "GET, HEAD" : right;
    return answer;
}

asio::awaitable<ApiResponse> dispatch(Daemon& daemon, ApiRequest request, bool local) {
    auto const method = request.method == "HEAD" ? "GET" : request.method;
    if (!local && method != "GET") co_return wrong_method("GET", "here");
    auto url = parse_url(request.target);
    if (!url) co_return failure(400, "the query has an escape that is none");
    auto const is_here = [&](Route const& route) {
        return route.path == url->path && (local || route.everywhere);
    };
    auto const* const found = std::ranges::find_if(routes, is_here);
    if (found == std::end(routes)) co_return failure(404, "there is nothing at " + url->path.substr(0, 100));
    if (found->method != method) co_return wrong_method(found->method, "at " + url->path);
    co_return co_await found->handler(daemon, std::move(request), std::move(*url));
}

} // namespace

ApiHandler make_control_routes(Daemon& daemon) {
    return [&daemon](ApiRequest request) { return dispatch(daemon, std::move(request), true); };
}

ApiHandler make_http_routes(Daemon& daemon) {
    return [&daemon](ApiRequest request) { return dispatch(daemon, std::move(request), false); };
}

} // namespace pointsman
