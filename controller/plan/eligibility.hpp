#pragma once

#include "controller/model/generation.hpp"

#include <span>

namespace pointsman {

/// When health is ignored, in percent of a service's backends that count: those in use, reserves left out.
struct PanicRule {
    unsigned threshold = 0; ///< fewer healthy ones than this begin a panic; 0: never
    unsigned margin =
        0; ///< so many more end it; less than one backend's share of a small pool counts as none
    bool panics = false; ///< now
};

/// Decides for one service's backends who takes new flows and who keeps its old ones; sets `eligible` and
/// `keeps_sessions` of each.
/// @return true when health is ignored because too few are healthy (panic).
[[nodiscard]] bool decide_eligibility(std::span<GenerationBackend> backends, PanicRule const& rule,
                                      OnDown on_down);

/// How many backends may take new flows by their health, whether or not there is a way to them.
[[nodiscard]] unsigned healthy_among(std::span<GenerationBackend const> backends) noexcept;

} // namespace pointsman
