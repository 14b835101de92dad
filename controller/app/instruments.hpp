#pragma once

#include "controller/datapath/event_ring.hpp"
#include "controller/model/state.hpp"
#include "healthcheck/outcome.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <prometheus/histogram.h>

namespace pointsman {

/// What the daemon itself counts; the datapath's counters are read where they are.
struct Instruments {
    prometheus::Histogram probe_seconds{
        {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5}};
    prometheus::Histogram probe_lateness{
        {0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.25, 1.0}};
    prometheus::Histogram publish_seconds{{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05}};
    prometheus::Histogram failover_seconds{{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0}};
    std::map<OutcomeCode, std::uint64_t> outcomes;
    std::map<BackendKey, std::uint64_t> transitions;
    std::array<std::uint64_t, connection_event_types> events{};
    std::uint64_t sessions_lost = 0; ///< by carry-overs, for want of a place
    std::uint64_t publishes_refused = 0;
    bool last_reload_successful = true;
    std::chrono::steady_clock::duration loop_lag{};
};

} // namespace pointsman
