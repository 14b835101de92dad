#pragma once

#include "controller/datapath/session_table.hpp"

#include <string>

namespace pointsman {

class Daemon;

/// Everything in Prometheus' text format.
[[nodiscard]] std::string metrics_text(Daemon& daemon, SessionCounts const& sessions);

} // namespace pointsman
