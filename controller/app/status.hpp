#pragma once

#include <boost/json/object.hpp>

namespace pointsman {

class Daemon;

/// The whole of `pointsman status --json`: schema pointsman.status/1. Counts sessions, which reads the session table.
[[nodiscard]] boost::json::object status_json(Daemon& daemon);

/// Every service has a backend that takes new flows.
[[nodiscard]] bool is_ready(Daemon const& daemon);

} // namespace pointsman
