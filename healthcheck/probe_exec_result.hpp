#pragma once

#include "healthcheck/outcome.hpp"

#include <string_view>

namespace pointsman {

/// Pure. What a program's end says: exit code 0 passes. `status` is as waitpid tells it; the first line of
/// `output` becomes the text, and without one the text says how the program ended.
[[nodiscard]] Outcome exec_outcome(int status, std::string_view output);

/// Pure. Of a program that was killed at the deadline.
[[nodiscard]] Outcome exec_timeout(std::string_view output);

} // namespace pointsman
