#pragma once

#include <string>

namespace pointsman {

class Daemon;

/// Everything in Prometheus' text format.
[[nodiscard]] std::string metrics_text(Daemon& daemon);

} // namespace pointsman
