#pragma once

#include "controller/model/generation.hpp"

#include <span>

namespace pointsman {

/// Decides for one service's backends who takes new flows and who keeps its old ones; sets `eligible` and
/// `keeps_sessions` of each.
/// @return true when health is ignored because too few are healthy (panic).
[[nodiscard]] bool decide_eligibility(std::span<GenerationBackend> backends, unsigned panic_threshold,
                                      OnDown on_down);

} // namespace pointsman
