#pragma once

#include "controller/model/generation.hpp"
#include "controller/plan/maglev.hpp"

#include <span>
#include <vector>

namespace pointsman {

/// What the Maglev table of these backends of one service is made of.
[[nodiscard]] std::vector<MaglevEntry> maglev_entries(std::span<GenerationBackend const> backends,
                                                      std::array<std::uint8_t, 16> const& seed);

/// Is their Maglev table the same? Told without the hashes that the table is made of.
[[nodiscard]] bool fill_same_table(std::span<GenerationBackend const> was,
                                   std::span<GenerationBackend const> now);

} // namespace pointsman
