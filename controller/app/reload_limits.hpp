#pragma once

#include "controller/model/desired_state.hpp"

#include <string>
#include <vector>

namespace pointsman {

/// Pure. The keys whose change needs a restart: they shape what is loaded into the kernel or how the daemon
/// is reached.
[[nodiscard]] std::vector<std::string> keys_that_need_a_restart(DesiredState const& was,
                                                                DesiredState const& now);

} // namespace pointsman
