#include "controller/datapath/session_table.hpp"
#include "tests/datapath/way.hpp"

/// Answers follow the client's packets: when the router in front hands over to another one, the flow goes on.

namespace pointsman::test {
namespace {

constexpr Mac other_router{2, 0, 0, 0, 0, 0xfd};

class TheWayBack : public BothHooks {
protected:
    /// The client's packet by another router.
    Output send_by(Mac const& router, Packet packet) {
        packet.from = router;
        return scene().send(packet);
    }

    /// Who gets an answer of the flow's backend.
    Mac receiver_of_answer(Flow const& flow) {
        auto const output = scene().send(flow.from_backend(ack, {'o', 'k'}));
        EXPECT_EQ(output.verdict, PM_FORWARD_TO_CLIENT);
        return decode(output.frame)->to;
    }
};

TEST_P(TheWayBack, LeadsToTheRouterThatTheLastPacketCameFrom) {
    auto const flow = scene().establish(client_packet(2000));
    EXPECT_EQ(receiver_of_answer(flow), router_mac);
    EXPECT_EQ(send_by(other_router, flow.from_client(ack)).verdict, PM_FORWARD_TO_BACKEND);
    EXPECT_EQ(receiver_of_answer(flow), other_router);
    EXPECT_EQ(send_by(router_mac, flow.from_client(ack)).verdict, PM_FORWARD_TO_BACKEND);
    EXPECT_EQ(receiver_of_answer(flow), router_mac);
}

TEST_P(TheWayBack, OfDatagramsLeadsThereToo) {
    begin(web_world(Protocol::udp));
    auto const flow = scene().establish(client_datagram(2000));
    (void)scene().send(flow.from_client(0)); // established by now
    (void)send_by(other_router, flow.from_client(0));
    EXPECT_EQ(receiver_of_answer(flow), other_router);
}

TEST_P(TheWayBack, IsOfItsFlowAlone) {
    auto const flow = scene().establish(client_packet(2000));
    auto const another = scene().establish(client_packet(2001));
    (void)send_by(other_router, flow.from_client(ack));
    EXPECT_EQ(receiver_of_answer(another), router_mac);
}

TEST_P(TheWayBack, IsNotLearnedFromAHalfOpenFlow) {
    auto const flow = scene().open(client_packet(2000));
    (void)send_by(other_router, client_packet(2000));
    EXPECT_EQ(receiver_of_answer(flow), router_mac);
}

TEST_P(TheWayBack, IsNotLearnedFromASynOrReset) {
    auto const flow = scene().establish(client_packet(2000));
    (void)send_by(other_router, flow.from_client(syn));
    EXPECT_EQ(receiver_of_answer(flow), router_mac);
    (void)send_by(other_router, flow.from_client(rst));
    EXPECT_EQ(receiver_of_answer(flow), router_mac);
}

TEST_P(TheWayBack, IsNotLearnedFromTheBackendsSide) {
    auto const flow = scene().establish(client_packet(2000));
    (void)send_by(other_router, flow.from_backend(ack));
    EXPECT_EQ(receiver_of_answer(flow), router_mac);
}

TEST_P(TheWayBack, SurvivesASessionSwap) {
    auto const flow = scene().establish(client_packet(2000));
    (void)send_by(other_router, flow.from_client(ack));
    ++scene().generation.number;
    scene().datapath.commit(scene().generation, true);
    scene().datapath.finish_swap();
    EXPECT_EQ(receiver_of_answer(flow), other_router);
}

/// A copy of the partner that was made before may come to stand in its place: a carry-over under way, say.
TEST_P(TheWayBack, IsToldAgainToAPartnerThatMissedIt) {
    auto const flow = scene().establish(client_packet(2000));
    (void)send_by(other_router, flow.from_client(ack));
    for (auto& set : scene().datapath.tables().active_sessions())
        for (std::size_t way = 0; way < PM_SESSION_WAYS; ++way) {
            set.last_seen[way] -= 1024; // the partners' next talk is due
            if (set.way[way].direction == PM_TO_CLIENT)
                std::ranges::copy(router_mac, set.way[way].client_mac);
        }
    (void)send_by(other_router, flow.from_client(ack));
    EXPECT_EQ(receiver_of_answer(flow), other_router);
}

/// Where answers pass the balancer by, errors about the way to the backend still go to the client.
TEST_P(TheWayBack, IsLearnedOfOneWayFlowsToo) {
    Way const way{Protocol::tcp, false, Forward::dsr};
    publish(scene(), way, 1000);
    establish(scene(), way);
    (void)send_by(other_router, packet_of(way, ack));
    auto const session = sessions_in(scene().datapath.tables().active_sessions()).at(0);
    EXPECT_TRUE(std::ranges::equal(session.client_mac, other_router));
}

POINTSMAN_BOTH_HOOKS(TheWayBack);

} // namespace
} // namespace pointsman::test
