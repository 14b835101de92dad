#pragma once

#include "controller/plan/maglev.hpp"

#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace pointsman {

/// Builds tables, and those of equal backends once: services that share their backends have tables that
/// differ in the ids alone, and all of them change when one backend does.
class MaglevBuilds {
public:
    [[nodiscard]] std::shared_ptr<MaglevTable const> table_of(std::vector<MaglevEntry> const& entries);

private:
    using Pattern = std::vector<std::pair<std::uint64_t, unsigned>>; ///< identity and weight, in their order

    std::map<Pattern, MaglevTable> built_; ///< with the place among the entries, from 1, for an id
};

} // namespace pointsman
