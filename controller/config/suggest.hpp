#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace pointsman {

/// Damerau-Levenshtein distance (optimal string alignment): insertions, deletions, substitutions and swaps of
/// neighbours. Counts octets.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate, all in lower case, that `written` is most likely a slip or the beginning of; empty when
/// none is close.
[[nodiscard]] std::string_view nearest(std::string_view written,
                                       std::vector<std::string_view> const& candidates);

} // namespace pointsman
