#pragma once

#include <string_view>

namespace pointsman {

/// What to write instead, when this version does not do what a valid value asks for; empty when it does.
/// `group` and `key` are those of the schema.
[[nodiscard]] std::string_view unsupported_hint(std::string_view group, std::string_view key,
                                                std::string_view value);

} // namespace pointsman
