#pragma once

#include "controller/config/schema.hpp"

#include <string>
#include <string_view>

namespace pointsman {

/// key = "value", as it is quoted in messages.
[[nodiscard]] std::string assignment(KeySpec const& key, std::string_view value);

/// What a value is, or an element of one that is a list: completes "is not ...".
[[nodiscard]] std::string_view element_noun(KeyKind kind);

/// For a key that the table has not: the one that was probably meant, or where it belongs; or empty.
[[nodiscard]] std::string hint_for_unknown(TableSpec const& table, std::string_view key);

} // namespace pointsman
