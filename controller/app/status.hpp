#pragma once

#include "controller/datapath/session_table.hpp"

#include <boost/json/object.hpp>

namespace pointsman {

class Daemon;

/// The whole of `pointsman status --json`: schema pointsman.status/1.
[[nodiscard]] boost::json::object status_json(Daemon& daemon, SessionCounts const& sessions);

/// Every service has a backend that takes new flows.
[[nodiscard]] bool is_ready(Daemon const& daemon);

} // namespace pointsman
