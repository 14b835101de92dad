#pragma once

#include "controller/datapath/abi.hpp"
#include "controller/model/desired_state.hpp"

namespace pointsman {

/// Sizes of the kernel's tables, fixed when the programs are loaded. Each holds for one half.
struct Room {
    std::uint32_t services = 0;
    std::uint32_t backends = 0;
    std::uint32_t service_slots = 0; ///< a power of two
    std::uint32_t maglev_chunks = 0; ///< for one service
    std::uint32_t session_sets = 0;

    /// Room for what the options ask: two sessions a flow, at most five eighths full.
    [[nodiscard]] static Room of(DatapathOptions const& options) noexcept;

    /// Memory of both halves of the session table, in bytes.
    [[nodiscard]] std::uint64_t session_bytes() const noexcept;

    friend bool operator==(Room const&, Room const&) = default;
};

} // namespace pointsman
