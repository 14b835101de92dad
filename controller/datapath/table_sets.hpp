#pragma once

#include "controller/datapath/bpf_fs.hpp"
#include "controller/datapath/room.hpp"

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace pointsman {

/// What a starting daemon does about the tables that it finds.
enum class Takeover {
    fresh,      ///< there are none
    same,       ///< they fit: it goes on with them
    resized,    ///< other sizes: new tables, to which the sessions are carried over
    translated, ///< another hash seed, or an ABI whose sessions we can read: as `resized`
    replaced,   ///< an ABI that we do not know: new tables, the sessions end
};

/// New tables take the place of those that packets use, and get their sessions.
[[nodiscard]] constexpr bool carries_sessions(Takeover takeover) noexcept {
    return takeover == Takeover::resized || takeover == Takeover::translated;
}

[[nodiscard]] std::string_view name_of(Takeover takeover) noexcept;

/// Maps that are pinned in one directory and were checked.
struct FoundTables {
    std::string directory;
    std::uint32_t abi = PM_ABI_VERSION; ///< one whose sessions can be read
    Room room;
    std::array<std::uint8_t, 16> hash_seed{};
};

/// Which directory of maps packets use, and which this daemon will load.
///
/// Below the pin directory there is one directory `tables-N` for each layout; the symbolic link `current`
/// names the one that is complete and in use. It is renamed into place, so a daemon may be killed at any
/// moment: what `current` does not name was not finished, or is no longer needed.
struct TableSets {
    Takeover takeover = Takeover::fresh;
    std::string directory; ///< to load into; holds the maps already when takeover is `same`
    std::optional<FoundTables>
        now; ///< what packets use and we can read; not when `fresh` or of an unknown ABI
    std::vector<FoundTables> older; ///< whose sessions are wanted, newest first: packets used them until now,
                                    ///< or until a takeover that was killed
    std::string why;                ///< of all but `fresh` and `same`, for people
};

/// Reads and checks what is there; removes directories that were never in use.
/// @throws DatapathError naming the pin when one is missing, not ours or not what Pointsman makes.
[[nodiscard]] TableSets find_tables(PinDirectory const& pins, Room const& wanted,
                                    std::array<std::uint8_t, 16> const& hash_seed);

/// Makes `current` name `sets.directory`, in one step.
/// @throws DatapathError
void make_current(PinDirectory const& pins, TableSets const& sets);

/// Unpins every other directory of maps.
void remove_older_tables(PinDirectory const& pins, TableSets const& sets);

} // namespace pointsman
