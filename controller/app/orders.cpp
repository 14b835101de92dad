#include "controller/app/orders.hpp"

#include "controller/api/text_escape.hpp"
#include "controller/app/daemon.hpp"
#include "controller/app/on_thread.hpp"
#include "controller/app/plan_preview.hpp"
#include "controller/app/probe_now.hpp"
#include "controller/app/reload_limits.hpp"
#include "controller/app/responses.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

namespace asio = boost::asio;
namespace json = boost::json;

namespace pointsman {
namespace {

constexpr std::int64_t max_deadline_ms = 86'400'000; ///< a day
constexpr std::int64_t max_weight = 65535;
constexpr std::int64_t max_confirmation_ms = 3'600'000; ///< an hour

std::string text_of(json::object const& object, std::string_view key) {
    auto const* value = object.if_contains(key);
    return value && value->is_string() ? std::string{value->get_string()} : std::string{};
}

/// A whole number from `smallest` to `largest`; nullopt for anything else.
std::optional<std::int64_t> number_of(json::value const& value, std::int64_t smallest, std::int64_t largest) {
    boost::system::error_code error;
    auto const number = value.is_number() ? value.to_number<std::int64_t>(error) : smallest - 1;
    return error || number < smallest || number > largest ? std::nullopt : std::optional{number};
}

/// The body as an object, empty for no body; nullopt for anything else.
std::optional<json::object> object_of(std::string const& body) {
    if (body.empty()) return json::object{};
    boost::system::error_code error;
    auto value = json::parse(body, error);
    if (error || !value.is_object()) return std::nullopt;
    return std::move(value.as_object());
}

/// A member that nobody reads is a slip, such as an order without the deadline that was meant.
/// @return what to say of it; empty when there is none.
std::string unknown_member(json::object const& wish, std::initializer_list<std::string_view> known) {
    for (auto const& member : wish)
        if (std::ranges::find(known, std::string_view{member.key()}) == known.end())
            return "there is no member " + escape_octets(std::string_view{member.key()}.substr(0, 64)) +
                   " in this request";
    return {};
}

std::optional<AdminState> admin_state(std::string_view word) {
    for (auto const state : {AdminState::ready, AdminState::drain, AdminState::maint})
        if (name_of(state) == word) return state;
    return std::nullopt;
}

json::object plan_head(Daemon const& daemon, ParsedConfig const& config) {
    auto const restart = keys_that_need_a_restart(daemon.desired(), *config.state);
    return {{"schema", "pointsman.plan/1"},
            {"file", config.places.file},
            {"hash", config_hash(config.text)},
            {"running", json::object{{"hash", daemon.hash()}, {"generation", daemon.generation().number}}},
            {"restart_needed", json::array(restart.begin(), restart.end())}};
}

// What takes long goes on beside the loop.

asio::awaitable<ParsedConfig> parse_aside(Daemon& daemon, std::string text, std::string file) {
    ParsedConfig config;
    auto const parse = [&] { config = parse_config(text, file); };
    co_await on_thread(daemon.reader(), parse);
    co_return config;
}

asio::awaitable<json::object> preview_aside(Daemon& daemon, DesiredState wanted) {
    auto const input = daemon.preview_input(std::move(wanted));
    auto const snapshot = daemon.datapath().session_snapshot();
    json::object found;
    auto const reckon = [&] { found = preview_json(input, count_sessions(snapshot)); };
    co_await on_thread(daemon.reader(), reckon);
    co_return found;
}

} // namespace

asio::awaitable<ApiResponse> order_admin(Daemon& daemon, ApiRequest request, Url) {
    boost::system::error_code error;
    auto const body = json::parse(request.body, error);
    if (error || !body.is_object()) co_return failure(400, "the body must be a JSON object");
    auto const& wish = body.as_object();
    if (auto const slip =
            unknown_member(wish, {"service", "backend", "state", "reason", "deadline_ms", "then"});
        !slip.empty())
        co_return failure(400, slip);
    auto const state = admin_state(text_of(wish, "state"));
    if (!state) co_return failure(400, "state must be ready, drain or maint");
    AdminOrder admin{*state, text_of(wish, "reason"), std::nullopt, std::nullopt};
    if (auto const* deadline = wish.if_contains("deadline_ms"); deadline && !deadline->is_null()) {
        auto const wait = number_of(*deadline, 0, max_deadline_ms);
        if (!wait) co_return failure(400, "deadline_ms must be a whole number from 0 to 86400000");
        admin.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds{*wait};
        admin.then = admin_state(text_of(wish, "then"));
    }
    auto const answer =
        daemon.order({text_of(wish, "service"), text_of(wish, "backend")}, std::move(admin), request.peer);
    co_await daemon.settled();
    co_return to_response(answer);
}

asio::awaitable<ApiResponse> order_weight(Daemon& daemon, ApiRequest request, Url) {
    auto const wish = object_of(request.body);
    if (!wish) co_return failure(400, "the body must be a JSON object");
    auto const* value = wish->if_contains("weight");
    auto const weight = value ? number_of(*value, 0, max_weight) : std::nullopt;
    if (!weight) co_return failure(400, "weight must be a whole number from 0 to 65535");
    WeightOrder order{static_cast<unsigned>(*weight), text_of(*wish, "reason"), 0};
    auto const answer = daemon.order_weight({text_of(*wish, "service"), text_of(*wish, "backend")},
                                            std::move(order), request.peer);
    co_await daemon.settled();
    co_return to_response(answer);
}

asio::awaitable<ApiResponse> order_reload(Daemon& daemon, ApiRequest request, Url) {
    auto const wish = object_of(request.body);
    if (!wish) co_return failure(400, "the body must be empty or a JSON object");
    std::optional<std::chrono::milliseconds> confirm_within;
    if (auto const* within = wish->if_contains("confirm_within_ms")) {
        auto const number = number_of(*within, 1, max_confirmation_ms);
        if (!number) co_return failure(400, "confirm_within_ms must be a whole number from 1 to 3600000");
        confirm_within = std::chrono::milliseconds{*number};
    }
    auto const answer = daemon.reload(request.peer, confirm_within);
    co_await daemon.settled();
    co_return to_response(answer);
}

asio::awaitable<ApiResponse> order_confirm(Daemon& daemon, ApiRequest request, Url) {
    co_return to_response(daemon.confirm(request.peer));
}

asio::awaitable<ApiResponse> order_rollback(Daemon& daemon, ApiRequest request, Url) {
    auto const answer = daemon.rollback(request.peer);
    co_await daemon.settled();
    co_return to_response(answer);
}

asio::awaitable<ApiResponse> order_plan(Daemon& daemon, ApiRequest request, Url url) {
    auto const file = url.has("file") ? url.get("file") : std::string{"pointsman.toml"};
    auto config = co_await parse_aside(daemon, std::move(request.body), file);
    if (!config.state) co_return failure(422, render(config.diagnostics, config.text, false));
    auto out = plan_head(daemon, config);
    auto found = co_await preview_aside(daemon, std::move(*config.state));
    for (auto& field : found)
        out[field.key()] = std::move(field.value());
    co_return json_response(out);
}

asio::awaitable<ApiResponse> order_probe(Daemon& daemon, ApiRequest request, Url) {
    auto const wish = object_of(request.body);
    if (!wish) co_return failure(400, "the body must be a JSON object");
    BackendKey const key{text_of(*wish, "service"), text_of(*wish, "backend")};
    if (!daemon.health().knows(key)) co_return failure(404, "there is no backend " + text(key));
    auto const checks = daemon.health().checks(key);
    auto const name = text_of(*wish, "check");
    auto const is_meant = [&](CheckHealth const& check) {
        return check.type != CheckType::none && (name.empty() || check.name == name);
    };
    auto const check = std::find_if(checks.begin(), checks.end(), is_meant);
    if (check == checks.end())
        co_return failure(409, text(key) + (name.empty() ? " has no check: its check.type is \"none\""
                                                         : " has no check " + name));
    co_return co_await probe_now(key, check->target);
}

} // namespace pointsman
