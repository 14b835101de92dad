#pragma once

#include "controller/config/table_reader.hpp"
#include "controller/model/desired_state.hpp"

namespace pointsman {

/// Reads every table of a parsed file. What is bad or absent keeps its default and is reported; names,
/// addresses and ports that could not be read stay empty, unspecified and 0. Relations between keys:
/// consistency.hpp.
[[nodiscard]] DesiredState read_state(toml::table const& root, Problems& problems);

} // namespace pointsman
