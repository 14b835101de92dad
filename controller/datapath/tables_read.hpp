#pragma once

#include "controller/datapath/tables.hpp"

namespace pointsman {

/// Reads back what write_generation wrote into a half that packets use: what a new daemon goes on from. The
/// kernel knows neither names nor states: they stay empty, `measured` is unknown and `admin` ready. A backend
/// is eligible when its service's Maglev table leads to it.
/// @param number of the generation. @param incarnations last ones given out, by backend id.
[[nodiscard]] Generation read_generation(TableHalf const& half, std::uint64_t number,
                                         std::span<std::uint64_t const> incarnations,
                                         std::uint64_t ticks_per_second);

/// The 64-bit number of a generation from its low 24 bits, which packets see, and from a number that is at
/// most 2^24 - 1 above it.
[[nodiscard]] constexpr std::uint64_t whole_number(std::uint32_t low_bits, std::uint64_t not_below) noexcept {
    constexpr std::uint64_t mask = (1U << (32 - PM_ACTIVE_GENERATION_SHIFT)) - 1;
    return not_below - ((not_below - low_bits) & mask);
}

} // namespace pointsman
