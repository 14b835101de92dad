#pragma once

#include "controller/datapath/session_table.hpp"
#include "controller/datapath/tables.hpp"

#include <optional>

namespace pointsman {

/// What has to happen to the sessions of other tables before they can stand in ours.
struct SessionConversion {
    std::uint32_t abi = PM_ABI_VERSION;           ///< of the tables in which they are
    std::optional<std::array<__u64, 2>> hash_key; ///< ours, if theirs are placed by another
    std::uint64_t opened_now = 0;                 ///< CLOCK_MONOTONIC in units of 1024 ns

    [[nodiscard]] bool is_needed() const noexcept { return abi != PM_ABI_VERSION || hash_key; }
};

/// Are there sessions of this ABI that we can read?
[[nodiscard]] bool has_session_layout(std::uint32_t abi) noexcept;

/// Pure. Makes of an entry, as it was read from those tables, what ours would hold.
/// @param tables ours, in which services, backends and NAT addresses have the numbers that they had there.
/// @return false for one whose flow cannot be told, because the tables do not have what it refers to.
[[nodiscard]] bool convert(Session& session, SessionConversion const& conversion,
                           TableHalf const& tables) noexcept;

} // namespace pointsman
