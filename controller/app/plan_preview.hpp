#pragma once

#include "controller/datapath/session_table.hpp"
#include "controller/plan/plan.hpp"

#include <boost/json/object.hpp>
#include <string>
#include <vector>

namespace pointsman {

/// What a preview rests on, by value: it is reckoned beside the running daemon.
struct PreviewInput {
    DesiredState wanted;
    Generation current;
    std::map<BackendKey, MeasuredState> measured;
    std::map<BackendKey, AdminState> admin;
    NetworkView network;                       ///< of the running backends
    std::map<BackendKey, Adjustment> adjust{}; ///< of their weights
};

struct Preview {
    Plan plan;
    std::vector<BackendKey> assumed; ///< new backends, taken to be up and reachable
};

/// Pure. What a reload would publish once the new backends have passed their first probe.
[[nodiscard]] Preview preview_of(PreviewInput input);

/// Pure. The changes, and for each service the share of new flows that lead elsewhere and the established
/// sessions that meet on_down.
[[nodiscard]] boost::json::object preview_json(PreviewInput const& input, SessionCounts const& sessions);

} // namespace pointsman
