#pragma once

#include "controller/config/problems.hpp"

#include <string_view>

namespace pointsman {

/// Reports a syntax error in the words of a user rather than the parser's. `description` and `place` are what
/// the parser said about `text`.
void report_syntax_error(std::string_view text, std::string_view description, Place place,
                         Problems& problems);

} // namespace pointsman
