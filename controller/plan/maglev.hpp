#pragma once

#include "controller/model/generation.hpp"

#include <cstdint>
#include <span>

namespace pointsman {

struct MaglevEntry {
    BackendId id = BackendId::none;
    std::uint64_t identity = 0; ///< stable over restarts and machines: see identity_of
    unsigned weight = 0;        ///< 0 takes no slot

    friend bool operator==(MaglevEntry const&, MaglevEntry const&) = default;
};

/// The same on every node for the same address, port and seed.
[[nodiscard]] std::uint64_t identity_of(Address const& address, std::uint16_t port,
                                        std::array<std::uint8_t, 16> const& seed) noexcept;

/// Maglev table (Eisenbud et al., NSDI 2016, §3.4) with weights: in each round a backend takes a turn when
/// its summed weight reaches the largest one. A pure function of the set of entries; their order does not
/// matter. Empty when no entry has a weight. A place of its pattern is an index in `entries`.
[[nodiscard]] MaglevTable build_maglev(std::span<MaglevEntry const> entries);

/// Slots that lead elsewhere in `now`.
[[nodiscard]] std::uint32_t slots_moved(MaglevTable const& was, MaglevTable const& now);

} // namespace pointsman
