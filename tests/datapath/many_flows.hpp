#pragma once

#include "tests/datapath/scene.hpp"

namespace pointsman::test {

/// Client packets of many flows: flow i comes from address 100.64.0.0 + i / 50000 and port 1 + i % 50000.
[[nodiscard]] Packet packet_of(std::uint32_t flow, std::uint8_t flags = syn);

/// What a session table holds of the flows of packet_of(), by flow.
struct Pair {
    unsigned to_backend = 0; ///< sessions found by the client's packets
    unsigned to_client = 0;  ///< sessions found by the backend's packets
    Session session{};       ///< one of the former, or of the latter if there is none
    bool agree = true;       ///< all name the same backend, NAT address and NAT port

    [[nodiscard]] bool is_whole() const noexcept { return to_backend == 1 && to_client == 1 && agree; }
};

[[nodiscard]] std::vector<Pair> pairs_in(SessionHalf half, std::uint32_t flows);

} // namespace pointsman::test
