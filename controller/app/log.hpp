#pragma once

#include "controller/model/desired_state.hpp"

namespace pointsman {

/// Sends spdlog's default logger to standard error, as text or as one JSON object a line.
void open_log(LogOptions const& options);

} // namespace pointsman
