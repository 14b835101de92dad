#pragma once

#include "controller/datapath/abi.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <vector>

namespace pointsman {

using SessionHalf = std::span<pm_session_set>;

/// An entry, gathered from its set.
struct Session : pm_session {
    std::uint32_t tag;
    std::uint32_t hash_high;
    std::uint32_t last_seen; ///< jiffies
    std::uint32_t state;     ///< PM_SESSION_*
};

/// What an entry holds. @return nothing for one that is empty or being written.
[[nodiscard]] std::optional<Session> read_session(pm_session_set& set, std::size_t way) noexcept;

/// Writes an entry that is claimed or that nobody else writes, the tag last. What other writers of the same
/// flow have published before can be seen afterwards.
void write_session(pm_session_set& set, std::size_t way, Session const& session) noexcept;
using SessionCounts = std::map<std::uint32_t, std::uint64_t>; ///< by backend id

/// What a carry-over did.
struct CarryOver {
    std::uint64_t carried = 0; ///< copied by us
    std::uint64_t present = 0; ///< the program had moved it already
    std::uint64_t dropped = 0; ///< not valid any more: cut, or of another incarnation
    std::uint64_t lost = 0;    ///< live, and no empty place in either candidate set
    std::uint64_t closed = 0;  ///< kept because their NAT ports may be in TIME_WAIT

    friend bool operator==(CarryOver const&, CarryOver const&) = default;
};

using ConvertSession = std::function<bool(Session&)>;

/// Copies every session that is still valid from the old half into the active one, beside the running
/// program: takes empty places only and leaves what the program wrote (session.h has the rules that both
/// follow). A session is valid when `backends`, the table of the active generation, has its incarnation.
/// @param convert for a table in which sessions are written or placed otherwise: false drops the session.
[[nodiscard]] CarryOver carry_over(SessionHalf from, SessionHalf to, std::span<pm_backend const> backends,
                                   ConvertSession const& convert = {});

/// Empties a half that no packet reads.
void clear_sessions(SessionHalf half) noexcept;

/// What tells a living session from a dead one, copied: another thread may count while the tables change.
struct SessionSnapshot {
    SessionHalf half;
    std::vector<pm_backend> backends;
    std::vector<pm_service> services;
    std::uint32_t now = 0; ///< jiffies
};

/// Hands a copy of each flow's session towards its backend to `each`, unless it is closed, cut, idle for too
/// long or of an earlier incarnation.
void for_each_live_session(SessionSnapshot const& snapshot, std::function<void(Session const&)> const& each);

/// Flows that are neither closed, cut nor idle for too long, by backend id.
[[nodiscard]] SessionCounts count_sessions(SessionSnapshot const& snapshot);

} // namespace pointsman
