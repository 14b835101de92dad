#pragma once

#include "controller/app/interface_counts.hpp"

#include <boost/json/object.hpp>

namespace pointsman {

/// What became of the packets: received = forwarded + passed + dropped + unaccounted, and each verdict with
/// its count. Pure; the same for all packets and for those of one interface.
[[nodiscard]] boost::json::object verdicts_json(pm_counters const& counters);

/// The whole of `pointsman drops --all --json`: schema pointsman.drops/1, each verdict with what the manual
/// says of it, and verdicts_json of each interface.
[[nodiscard]] boost::json::object drops_json(std::vector<InterfaceCounts> const& interfaces);

} // namespace pointsman
