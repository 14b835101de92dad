#pragma once

#include "controller/datapath/mapped_array.hpp"
#include "controller/datapath/owned_fd.hpp"
#include "controller/datapath/room.hpp"
#include "controller/datapath/session_table.hpp"
#include "controller/datapath/table_shapes.hpp"
#include "controller/datapath/tables.hpp"

#include <string>

namespace pointsman {

/// The pinned maps of one directory in our memory, whatever programs use them.
class MappedTables {
public:
    /// Opens what was checked before (check_tables) or has just been made.
    /// @throws DatapathError
    MappedTables(std::string const& directory, Room const& room);

    [[nodiscard]] Room const& room() const noexcept { return room_; }
    [[nodiscard]] pm_control& control() const noexcept { return control_.all().front(); }
    [[nodiscard]] Ledger& ledger() const noexcept { return ledger_.all().front(); }
    /// Last incarnation given out, by backend id.
    [[nodiscard]] std::span<std::uint64_t> incarnations() const noexcept { return incarnations_.all(); }
    [[nodiscard]] TableHalf tables(unsigned half) const noexcept;
    [[nodiscard]] SessionHalf sessions(unsigned half) const noexcept { return sessions_.half(half); }
    [[nodiscard]] std::span<pm_counters const> counters() const noexcept { return counters_.all(); }
    /// Entry cpu * room().backends + backend.
    [[nodiscard]] std::span<pm_backend_counters> backend_counters() const noexcept {
        return backend_counters_.all();
    }

private:
    Room room_;
    MappedArray<pm_control> control_;
    MappedArray<pm_service_slot> slots_;
    MappedArray<pm_service> services_;
    MappedArray<pm_maglev_chunk> maglev_;
    MappedArray<pm_backend> backends_;
    MappedArray<pm_addr> nat_addresses_;
    MappedArray<pm_link> links_;
    MappedArray<pm_session_set> sessions_;
    MappedArray<pm_counters> counters_;
    MappedArray<pm_backend_counters> backend_counters_;
    MappedArray<Ledger> ledger_;
    MappedArray<std::uint64_t> incarnations_;
};

/// Makes the maps that no program declares: pm_ledger, pm_incarnations. What is there already stays.
/// @throws DatapathError
void make_ledger(std::string const& directory, Room const& room);

} // namespace pointsman
