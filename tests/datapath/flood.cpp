#include "tests/datapath/few_ports.hpp"

#include <arpa/inet.h>
#include <numeric>

/// SYN floods: what was there stays, new clients get through, and the daemon hears nothing of it.

namespace pointsman::test {
namespace {

class Flood : public FewPorts {
protected:
    /// SYNs of as many hosts that never answer. @return how many were forwarded.
    std::uint32_t flood(Scene& scene, std::uint32_t count) {
        std::uint32_t forwarded = 0;
        for (std::uint32_t i = 0; i < count; ++i) {
            auto packet = client_packet(static_cast<std::uint16_t>(1024 + i % 60000));
            packet.source = Address::v4(0x64'40'00'00 + ++hosts_);
            forwarded += scene.send(packet).verdict == std::uint32_t{PM_FORWARD_TO_BACKEND};
        }
        return forwarded;
    }

private:
    std::uint32_t hosts_ = 0;
};

TEST_P(Flood, TakesThePortsOfOlderSynsAndNoneOfAnEstablishedFlow) {
    auto const kept = few().establish(client_packet(1));
    EXPECT_EQ(flood(few(), 200), 200U);
    auto const sent = kept.from_client(ack);
    EXPECT_PRED_FORMAT2(same_frame, few().send(sent).frame, encode(kept.at_backend(sent)));
    auto const answer = kept.from_backend(ack);
    EXPECT_PRED_FORMAT2(same_frame, few().send(answer).frame, encode(kept.at_client(answer)));
}

TEST_P(Flood, LeavesRoomForNewClients) {
    EXPECT_EQ(flood(few(), 50), 50U);
    for (std::uint16_t port = 1; port <= 3; ++port)
        EXPECT_NO_THROW((void)few().establish(client_packet(port)));
}

TEST_P(Flood, IsNotReported) {
    (void)few().events();
    (void)flood(few(), 500);
    EXPECT_TRUE(few().events().empty());
    auto const counters = total(few().datapath.programs().counters());
    EXPECT_EQ(std::accumulate(std::begin(counters.event), std::end(counters.event), std::uint64_t{0}), 0U);
}

/// 4096 flows have 13,108 places here.
TEST_P(Flood, EvictsOnlyHalfOpenFlowsFromAFullTable) {
    std::vector<Flow> kept;
    for (std::uint16_t port = 1; port <= 500; ++port)
        kept.push_back(scene().establish(client_packet(port)));
    EXPECT_GT(flood(scene(), 40000), 39900U);
    auto const counters = total(scene().datapath.programs().counters());
    EXPECT_GT(counters.evicted_embryonic, 1000U);
    EXPECT_EQ(counters.evicted_idle, 0U);
    for (auto const& flow : kept) {
        EXPECT_TRUE(scene().send(flow.from_client(ack)).was_sent());
        EXPECT_TRUE(scene().send(flow.from_backend(ack)).was_sent());
    }
}

/// Jiffies at the newest packet.
std::uint32_t now(Datapath& datapath) {
    std::uint64_t ticks = 0;
    for (auto const& counters : datapath.programs().counters())
        ticks = std::max<std::uint64_t>(ticks, counters.ticks);
    return static_cast<std::uint32_t>(ticks);
}

TEST_P(Flood, ATableFullOfLivingFlowsRefusesTheNextOne) {
    ASSERT_TRUE(scene().send(client_packet(1)).was_sent()); // tells the time
    Session living{};
    living.tag = 2;
    living.state = PM_SESSION_ANSWERED | PM_SESSION_ESTABLISHED;
    living.last_seen = now(scene().datapath);
    living.service = 1;
    for (auto& set : scene().datapath.tables().active_sessions())
        for (std::size_t way = 0; way < PM_SESSION_WAYS; ++way)
            write_session(set, way, living);
    EXPECT_EQ(scene().send(client_packet(2)).verdict, std::uint32_t{PM_DROP_SESSIONS_FULL});
}

POINTSMAN_BOTH_HOOKS(Flood);

} // namespace
} // namespace pointsman::test
