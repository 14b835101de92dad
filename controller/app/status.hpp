#pragma once

#include "controller/datapath/session_table.hpp"

#include <boost/asio/awaitable.hpp>
#include <string>

namespace pointsman {

class Daemon;

/// The whole of `pointsman status --json`: schema pointsman.status/1.
[[nodiscard]] boost::asio::awaitable<std::string> status_text(Daemon& daemon, SessionCounts sessions);

/// Every service has a backend that takes new flows.
[[nodiscard]] bool is_ready(Daemon const& daemon);

} // namespace pointsman
