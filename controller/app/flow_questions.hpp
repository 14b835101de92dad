#pragma once

#include "controller/api/http_server.hpp"
#include "controller/api/url.hpp"

#include <boost/asio/awaitable.hpp>

namespace pointsman {

class Daemon;

inline constexpr std::size_t default_sessions = 100;
inline constexpr std::size_t max_sessions = 10'000; ///< in one answer

/// GET /v1/sessions?service=S&backend=S/B&limit=N: pointsman.sessions/1. Reads the table on another thread.
[[nodiscard]] boost::asio::awaitable<ApiResponse> answer_sessions(Daemon& daemon, Url url);

/// GET /v1/why?from=SRC:PORT&to=DST:PORT&protocol=tcp|udp: pointsman.why/1.
[[nodiscard]] ApiResponse answer_why(Daemon& daemon, Url const& url);

} // namespace pointsman
