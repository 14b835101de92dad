#pragma once

#include <string>
#include <vector>

namespace pointsman {

/// What to say of a word that is none of `commands`: one line, with what may have been meant.
[[nodiscard]] std::string unknown_command(std::string const& word, std::vector<std::string> const& commands);

} // namespace pointsman
