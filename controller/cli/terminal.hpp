#pragma once

#include <cstdio>
#include <string>
#include <vector>

namespace pointsman {

/// Colour only on a terminal, and never with NO_COLOR.
[[nodiscard]] bool wants_colour(std::FILE* stream);

/// Rows with columns of equal width, two blanks apart. Trailing blanks are cut.
[[nodiscard]] std::string align(std::vector<std::vector<std::string>> const& rows);

/// "1 backend", "2 backends".
[[nodiscard]] std::string counted(std::size_t count, std::string const& noun);

/// "3s", "5m", "2h", "7d": how long ago, roughly.
[[nodiscard]] std::string rough_age(long seconds);

} // namespace pointsman
