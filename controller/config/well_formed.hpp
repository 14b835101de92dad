#pragma once

#include "controller/config/schema.hpp"

#include <string_view>

namespace pointsman {

/// Pure. Whether a text is a value of the key, or an element of one that is a list. Ranges are not looked at.
[[nodiscard]] bool is_well_formed(KeySpec const& key, std::string_view value);

} // namespace pointsman
