#pragma once

#include "controller/datapath/mapped_tables.hpp"
#include "controller/datapath/session_layout.hpp"

#include <chrono>
#include <optional>

namespace pointsman {

/// What a daemon before this one left in the kernel.
struct Predecessor {
    Generation generation;                ///< the one packets use, as the kernel knows it: read_generation
    std::uint64_t sessions = 0;           ///< live ones, all backends together
    std::chrono::nanoseconds age{};       ///< since its tables were made
    std::chrono::nanoseconds unwatched{}; ///< since a daemon was last seen to work
    bool carrying_over = false;           ///< it was killed in the middle of a carry-over
};

/// @param now_ns CLOCK_MONOTONIC.
/// @return nothing when it was killed before its first generation.
[[nodiscard]] std::optional<Predecessor>
read_predecessor(MappedTables const& maps, std::uint64_t ticks_per_second, std::uint64_t now_ns);

/// What count_sessions needs of the tables in use. The newest packet tells what time it is in jiffies; the
/// daemon's own probes see to it that there is one.
[[nodiscard]] SessionSnapshot snapshot_of(MappedTables const& maps);

/// Carries sessions from other tables, of whatever size, that packets may be using. What is in `to` already
/// is left alone.
/// @param tables of the generation that `to` belongs to
[[nodiscard]] CarryOver take_sessions(MappedTables const& from, SessionHalf to, TableHalf const& tables,
                                      SessionConversion const& conversion);

} // namespace pointsman
