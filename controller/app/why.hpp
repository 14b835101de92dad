#pragma once

#include "controller/datapath/flow_decision.hpp"
#include "controller/model/generation.hpp"

#include <boost/json/object.hpp>

namespace pointsman {

/// Pure. The whole of `pointsman why --json`: schema pointsman.why/1. Each step has a sentence, `text`,
/// besides its fields.
[[nodiscard]] boost::json::object why_json(FlowQuestion const& question, FlowDecision const& decision,
                                           Generation const& generation);

} // namespace pointsman
