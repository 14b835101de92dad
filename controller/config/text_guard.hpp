#pragma once

#include "controller/config/problems.hpp"

#include <string_view>

namespace pointsman {

/// Refuses what the TOML parser must not be given, with the place of the first such character: octets that
/// are not UTF-8, NUL, and nesting so deep that a recursive parser would overrun its stack. True if the text
/// may be parsed.
[[nodiscard]] bool check_text(std::string_view text, Problems& problems);

} // namespace pointsman
