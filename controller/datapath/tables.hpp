#pragma once

#include "controller/datapath/abi.hpp"
#include "controller/model/generation.hpp"

#include <boost/system/result.hpp>
#include <span>
#include <string>

namespace pointsman {

/// One half of everything but the sessions, as memory.
struct TableHalf {
    std::span<pm_service_slot> slots;
    std::span<pm_service> services;
    std::span<pm_maglev_chunk> maglev;
    std::span<pm_backend> backends;
    std::span<pm_addr> nat_addresses;
    std::span<pm_link> links;
    std::uint32_t maglev_chunks = 0; ///< of one service
};

/// Remembers which Maglev table stands where in a half, so that a prepare copies only those that changed.
using WrittenMaglev = std::vector<std::shared_ptr<MaglevTable const>>;

/// Writes a whole generation into a half that no packet reads. Plain memory writes.
/// @param ticks_per_second of the kernel's jiffies.
/// @return empty, or why the generation does not fit; the half is then in no defined state.
[[nodiscard]] std::string write_generation(Generation const& generation, TableHalf const& half,
                                           WrittenMaglev& written, std::uint64_t ticks_per_second);

} // namespace pointsman
