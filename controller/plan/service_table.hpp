#pragma once

#include "controller/model/generation.hpp"
#include "controller/plan/maglev.hpp"

#include <vector>

namespace pointsman {

[[nodiscard]] MaglevEntry maglev_entry(GenerationBackend const& backend,
                                       std::array<std::uint8_t, 16> const& seed);

/// What the Maglev table of these backends of one service is made of. Those that take no flows have their
/// place and no weight: so all others keep theirs.
[[nodiscard]] std::vector<MaglevEntry> maglev_entries(BackendSpan backends,
                                                      std::array<std::uint8_t, 16> const& seed);

/// Is their Maglev table the same? Told without the hashes that the table is made of.
[[nodiscard]] bool fill_same_table(BackendSpan was, BackendSpan now);

} // namespace pointsman
