#pragma once

#include "controller/datapath/session_table.hpp"

#include <boost/asio/awaitable.hpp>
#include <string>

namespace pointsman {

class Daemon;

/// Everything in Prometheus' text format.
[[nodiscard]] boost::asio::awaitable<std::string> metrics_text(Daemon& daemon, SessionCounts sessions);

} // namespace pointsman
