#pragma once

#include "controller/config/diagnostic.hpp"
#include "controller/config/source_map.hpp"
#include "controller/model/desired_state.hpp"

#include <vector>

namespace pointsman {

/// Whether this process may read every `ca_file` and execute every `command` of a valid configuration; sorted
/// by place. Looks at the file system.
[[nodiscard]] std::vector<Diagnostic> check_files(DesiredState const& state, SourceMap const& places);

} // namespace pointsman
