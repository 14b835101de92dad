#pragma once

#include "controller/config/table_reader.hpp"
#include "controller/model/desired_state.hpp"

namespace pointsman {

/// Overrides the fields of `out` whose keys the table has. Applied from the outermost table to the innermost,
/// this is the merging of [health], [service.check] and [service.backend.check].
void read_policy(TableReader const& in, HealthPolicy& out);
void read_check(TableReader const& in, Check& out);

} // namespace pointsman
