#pragma once

#include "controller/datapath/room.hpp"

#include <array>
#include <cstdint>

namespace pointsman {

/// What one memory-mapped map must look like.
struct TableShape {
    char const* name;
    std::uint32_t value_size; ///< octets
    std::uint64_t entries;
};

/// What a daemon keeps in the kernel for its successor. No program reads it; map pm_ledger, one entry.
struct Ledger {
    std::array<std::uint8_t, 16> hash_seed; ///< what places the sessions
    std::uint64_t made_ns;                  ///< CLOCK_MONOTONIC: when the maps were made
    std::uint64_t alive_ns;                 ///< CLOCK_MONOTONIC: when a daemon was last seen to work
    std::uint64_t generation;               ///< the active one, or the one after it; all 64 bits
    std::uint64_t reserved[3];
};
static_assert(sizeof(Ledger) == 64);

/// Every map of ours but the ring buffer, the fragments and the per-CPU scratch.
/// @param cpus possible ones.
[[nodiscard]] std::array<TableShape, 14> table_shapes(Room const& room, std::uint64_t cpus);

[[nodiscard]] std::uint64_t possible_cpus();

} // namespace pointsman
