#pragma once

#include "controller/api/http_server.hpp"
#include "controller/api/url.hpp"

#include <boost/asio/awaitable.hpp>

namespace pointsman {

class Daemon;

// What the control socket's POST requests do: docs/commands.md, "HTTP API". Those that change something
// answer after the new generation was published.
[[nodiscard]] boost::asio::awaitable<ApiResponse> order_admin(Daemon& daemon, ApiRequest request, Url url);
[[nodiscard]] boost::asio::awaitable<ApiResponse> order_reload(Daemon& daemon, ApiRequest request, Url url);
[[nodiscard]] boost::asio::awaitable<ApiResponse> order_confirm(Daemon& daemon, ApiRequest request, Url url);
[[nodiscard]] boost::asio::awaitable<ApiResponse> order_rollback(Daemon& daemon, ApiRequest request, Url url);
[[nodiscard]] boost::asio::awaitable<ApiResponse> order_plan(Daemon& daemon, ApiRequest request, Url url);
[[nodiscard]] boost::asio::awaitable<ApiResponse> order_weight(Daemon& daemon, ApiRequest request, Url url);
[[nodiscard]] boost::asio::awaitable<ApiResponse> order_probe(Daemon& daemon, ApiRequest request, Url url);

} // namespace pointsman
