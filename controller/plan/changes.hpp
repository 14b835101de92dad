#pragma once

#include "controller/plan/plan.hpp"

namespace pointsman {

/// What differs, in the order of the configuration; removed things last. Empty exactly when the datapath
/// would not notice.
[[nodiscard]] std::vector<Change> changes_between(Generation const& was, Generation const& now);

/// Maglev slots of all services that lead elsewhere.
[[nodiscard]] std::uint32_t slots_moved_between(Generation const& was, Generation const& now);

} // namespace pointsman
