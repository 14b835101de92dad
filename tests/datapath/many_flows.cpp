#include "tests/datapath/many_flows.hpp"

#include <arpa/inet.h>

namespace pointsman::test {
namespace {

constexpr std::uint32_t first_address = 0x64'40'00'00; ///< 100.64.0.0
constexpr std::uint32_t ports_per_address = 50000;

bool same_way(pm_session const& a, pm_session const& b) {
    return a.backend == b.backend && a.incarnation == b.incarnation && a.nat_port == b.nat_port &&
           a.nat_address == b.nat_address;
}

std::uint32_t flow_of(pm_session const& session) {
    return (ntohl(session.client.word[3]) - first_address) * ports_per_address + ntohs(session.client_port) -
           1;
}

} // namespace

Packet packet_of(std::uint32_t flow, std::uint8_t flags) {
    auto packet = client_packet(static_cast<std::uint16_t>(1 + flow % ports_per_address), flags);
    packet.source = Address::v4(first_address + flow / ports_per_address);
    return packet;
}

std::vector<Pair> pairs_in(SessionHalf half, std::uint32_t flows) {
    std::vector<Pair> pairs(flows);
    for (auto const& session : sessions_in(half)) {
        auto const flow = flow_of(session);
        if (flow >= flows) continue;
        auto& pair = pairs[flow];
        if (pair.to_backend + pair.to_client == 0) pair.session = session;
        pair.agree = pair.agree && same_way(pair.session, session);
        ++(session.direction == PM_TO_BACKEND ? pair.to_backend : pair.to_client);
    }
    return pairs;
}

} // namespace pointsman::test
