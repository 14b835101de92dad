#pragma once

#include "controller/datapath/abi.hpp"
#include "controller/model/generation.hpp"

#include <boost/system/result.hpp>
#include <optional>
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

/// What stands in a half, so that a prepare writes only what differs; nullopt: nobody knows.
using WrittenHalf = std::optional<Generation>;

/// Makes a half that no packet reads hold this generation. Plain memory writes. Entries that are as they
/// should be stay, with the number of the generation that wrote them.
/// @param written what this function wrote there last.
/// @param ticks_per_second of the kernel's jiffies.
/// @return empty, or why the generation does not fit; the half may then be in no defined state.
[[nodiscard]] std::string write_generation(Generation const& generation, TableHalf const& half,
                                           WrittenHalf& written, std::uint64_t ticks_per_second);

} // namespace pointsman
