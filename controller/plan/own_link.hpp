#pragma once

#include "controller/model/generation.hpp"

#include <cstdint>
#include <set>

namespace pointsman {

/// Backends that we cannot reach, and by whose links.
struct CutOff {
    std::set<BackendKey> backends;
    std::set<std::uint32_t> links; ///< interface indices

    friend bool operator==(CutOff const&, CutOff const&) = default;
};

/// Pure. The backends whose way leads over an interface of ours that is gone, set down or without a carrier.
/// A carrier that is missing towards one host alone may be that host's doing: it is not cut off then.
[[nodiscard]] CutOff cut_off_by_own_links(Generation const& generation, NetworkView const& view);

} // namespace pointsman
