#pragma once

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace pointsman {

/// Colour only on a terminal, and never with NO_COLOR.
[[nodiscard]] bool wants_colour(std::FILE* stream);

/// Rows with columns of equal width, two blanks apart. Trailing blanks are cut.
[[nodiscard]] std::string align(std::vector<std::vector<std::string>> const& rows);

/// Writes and flushes.
void print(std::FILE* stream, std::string const& text);

/// Breaks a paragraph at blanks into lines of at most `width` columns, each behind `indent` blanks; a longer
/// word stands alone. Ends with a line feed.
[[nodiscard]] std::string wrap(std::string_view paragraph, std::size_t width, std::size_t indent);

/// "1 backend", "2 backends".
[[nodiscard]] std::string counted(std::size_t count, std::string const& noun);

/// "3s", "5m", "2h", "7d": how long ago, roughly.
[[nodiscard]] std::string rough_age(long seconds);

} // namespace pointsman
