#pragma once

#include "controller/model/generation.hpp"

#include <vector>

namespace pointsman {

/// When health is ignored, in percent of a service's backends that count: those in use, reserves left out.
struct PanicRule {
    unsigned threshold = 0; ///< fewer healthy ones than this begin a panic; 0: never
    unsigned margin =
        0; ///< so many more end it; less than one backend's share of a small pool counts as none
    bool panics = false; ///< now
};

/// What becomes of one backend's flows: see GenerationBackend.
struct Treatment {
    bool eligible = false;
    bool keeps_sessions = false;
};

struct Treatments {
    bool panic = false;        ///< health is ignored because too few are healthy
    std::vector<Treatment> of; ///< in the order of the backends
};

/// Decides for one service's backends who takes new flows and who keeps its old ones.
[[nodiscard]] Treatments decide_eligibility(BackendSpan backends, PanicRule const& rule, OnDown on_down);

/// How many backends may take new flows by their health, whether or not there is a way to them.
[[nodiscard]] unsigned healthy_among(BackendSpan backends) noexcept;

} // namespace pointsman
