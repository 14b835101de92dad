#pragma once

#include <boost/json/array.hpp>
#include <string>
#include <string_view>

namespace pointsman {

/// Everything of that name: a key of the configuration ("service.check.interval", or "interval" for each
/// table that has it), a verdict, a word of `because`. Objects with `kind`, `name`, and what the schema or
/// the manual says. Empty when there is nothing.
[[nodiscard]] boost::json::array explain_word(std::string_view word);

/// The same for people.
[[nodiscard]] std::string explain_text(boost::json::array const& entries);

/// "; did you mean `...`?", or nothing.
[[nodiscard]] std::string similar_words(std::string_view word);

} // namespace pointsman
