#pragma once

#include "controller/config/problems.hpp"
#include "controller/model/desired_state.hpp"

namespace pointsman {

/// What no single key shows: duplicates, overlaps, loops, mixed families, services that can serve nobody, and
/// more of anything than there is room for. Skips what could not be read (see read_state).
void check_consistency(DesiredState const& state, SourceMap const& places, Problems& problems);

} // namespace pointsman
