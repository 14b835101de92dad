#pragma once

#include "controller/datapath/switch.hpp"
#include "controller/model/endpoint.hpp"

#include <optional>

namespace pointsman {

/// What a packet looks like on the wire.
struct FlowQuestion {
    Endpoint source;
    Endpoint destination;
    Protocol protocol = Protocol::tcp;
};

/// What the programs look at, as memory that they share with us.
struct FlowTables {
    TableHalf tables;                ///< the active half
    SessionHalf sessions;            ///< the active half
    SessionHalf other_sessions;      ///< empty unless sessions are being carried over
    std::array<__u64, 2> hash_key{}; ///< as the programs were loaded with
    std::uint32_t now = 0;           ///< jiffies
};

/// What packets see now. Does not outlive the next publish.
[[nodiscard]] FlowTables flow_tables_of(Programs const& programs, Switch const& tables,
                                        std::array<__u64, 2> const& hash_key);

/// The session that a packet meets.
struct MetSession {
    Session session{};
    bool in_other_half = false; ///< left there by a swap: the packet will move it
    bool valid = false;         ///< its backend still is the one it was made with
    bool idle = false;          ///< silent for longer than it may be
    bool lost_port = false;     ///< half-open for so long that another flow has its NAT port

    /// It decides where the packet goes. A new connection of the client takes its place otherwise.
    [[nodiscard]] bool decides() const noexcept;
};

/// Every step of `steer` (bpf/steer.h) for a flow's next packet: a packet of its session if that lives, else
/// its first one (SYN, or a datagram), unfragmented
/// and not too big for its way.
struct FlowDecision {
    std::uint64_t hash = 0;
    std::uint32_t sets[2]{}; ///< where a session would be
    std::optional<MetSession> session;
    std::uint32_t service = 0; ///< id; 0: there is none at that address and port
    std::uint32_t slot = 0;    ///< of `slots`
    std::uint32_t slots =
        0; ///< of the service's Maglev table; 0: none was looked at, or no backend is eligible
    std::uint32_t backend = 0; ///< id; 0: none
    std::uint32_t verdict = 0; ///< PM_* of what becomes of the packet, if nothing is exhausted
};

/// Pure but for the memory it reads, in which the programs go on writing: the answer holds for one moment.
[[nodiscard]] FlowDecision decide_flow(FlowQuestion const& question, FlowTables const& tables);

} // namespace pointsman
