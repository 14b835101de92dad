#include "tests/datapath/scene.hpp"

#include <set>

/// The life of one flow: first packet, handshake, end, and what a new first packet then meets.

namespace pointsman::test {
namespace {

class Flows : public BothHooks {
protected:
    [[nodiscard]] std::uint32_t state(Flow const& flow, pm_direction direction) {
        auto const session = scene().session_of(flow, direction);
        return session ? session->state : ~0U;
    }
    void expect_state(Flow const& flow, std::uint32_t expected) {
        EXPECT_EQ(state(flow, PM_TO_BACKEND), expected);
        EXPECT_EQ(state(flow, PM_TO_CLIENT), expected);
    }

    /// Sessions of a pair tell each other that the flow is alive once in so many jiffies.
    static constexpr std::uint32_t refresh_ticks = 1024;

    /// As if nothing was sent on any flow for longer than the service's idle timeout.
    void let_all_sessions_time_out() {
        auto const& half = scene().datapath.tables().active_tables();
        auto const idle_ticks = half.services[1].idle_ticks;
        for (auto& set : scene().datapath.tables().active_sessions())
            for (auto& last_seen : set.last_seen)
                last_seen -= idle_ticks + 2 * refresh_ticks;
    }
};

constexpr std::uint32_t established = PM_SESSION_ANSWERED | PM_SESSION_ESTABLISHED;

TEST_P(Flows, ANewFlowIsForwardedWithNothingChangedButWhatNatChanges) {
    auto const sent = client_packet(40001);
    auto const output = scene().send(sent);
    ASSERT_EQ(output.verdict, std::uint32_t{PM_FORWARD_TO_BACKEND});
    auto const got = decode(output.frame);
    ASSERT_TRUE(got);
    auto const backend = got->to[5];
    auto expected = sent;
    expected.to = backend_mac(backend);
    expected.from = backend_side_mac;
    expected.source = nat_address;
    expected.source_port = got->source_port;
    expected.destination = backend_address(backend);
    expected.destination_port = backend_port(backend);
    --expected.ttl;
    EXPECT_PRED_FORMAT2(same_frame, output.frame, encode(expected));
    EXPECT_GE(got->source_port, small_options().nat_port_first);
    EXPECT_LE(got->source_port, small_options().nat_port_last);
}

TEST_P(Flows, SpreadOverAllBackends) {
    std::set<unsigned> reached;
    for (std::uint16_t port = 1; port <= 64; ++port)
        reached.insert(scene().open(client_packet(port)).backend());
    EXPECT_EQ(reached, (std::set<unsigned>{1, 2, 3}));
}

TEST_P(Flows, ARepeatedSynReachesTheSameBackendFromTheSamePort) {
    auto const first = scene().open(client_packet(1234));
    auto const second = scene().open(client_packet(1234));
    EXPECT_EQ(first.forwarded, second.forwarded);
}

TEST_P(Flows, LeaveByTheInterfaceOfTheNextHop) {
    auto& route = world().network.routes.begin()->second;
    for (auto& [address, other] : world().network.routes)
        other.next_hop->ifindex = Datapath::ingress_ifindex;
    ASSERT_TRUE(route.next_hop);
    scene().publish();
    EXPECT_EQ(scene().send(client_packet(1234)).fate,
              GetParam() == Hook::xdp ? Fate::sent_back : Fate::redirected);
}

TEST_P(Flows, PaddingBehindThePacketStays) {
    auto const flow = scene().establish(client_packet(1234));
    auto padded = encode(flow.from_client(ack));
    auto expected = encode(flow.at_backend(flow.from_client(ack)));
    padded.resize(60, 0x55);
    expected.resize(60, 0x55);
    EXPECT_PRED_FORMAT2(same_frame, scene().send(padded).frame, expected);
}

TEST_P(Flows, AHandshakeEstablishesBothSessionsOfThePair) {
    auto const flow = scene().open(client_packet(1234));
    expect_state(flow, 0);
    ASSERT_TRUE(scene().send(flow.from_backend(syn | ack)).was_sent());
    expect_state(flow, PM_SESSION_ANSWERED);
    ASSERT_TRUE(scene().send(flow.from_client(ack)).was_sent());
    expect_state(flow, established);
}

TEST_P(Flows, AnAckBeforeTheAnswerEstablishesNothing) {
    auto const flow = scene().open(client_packet(1234));
    ASSERT_TRUE(scene().send(flow.from_client(ack)).was_sent());
    expect_state(flow, 0);
}

TEST_P(Flows, UdpIsEstablishedByTheAnswer) {
    begin(web_world(Protocol::udp));
    auto const flow = scene().open(client_datagram(1234));
    expect_state(flow, 0);
    ASSERT_TRUE(scene().send(flow.from_backend(0)).was_sent());
    expect_state(flow, established);
}

TEST_P(Flows, FinFromOneSideClosesNothing) {
    auto const flow = scene().establish(client_packet(1234));
    ASSERT_TRUE(scene().send(flow.from_client(fin | ack)).was_sent());
    expect_state(flow, established | PM_SESSION_FIN_CLIENT);
}

TEST_P(Flows, FinFromBothSidesClosesBothSessions) {
    auto const flow = scene().establish(client_packet(1234));
    ASSERT_TRUE(scene().send(flow.from_backend(fin | ack)).was_sent());
    ASSERT_TRUE(scene().send(flow.from_client(fin | ack)).was_sent());
    expect_state(flow, established | PM_SESSION_FIN_CLIENT | PM_SESSION_FIN_BACKEND | PM_SESSION_CLOSED);
    EXPECT_TRUE(scene().send(flow.from_backend(ack)).was_sent()) << "the last ACK still arrives";
}

TEST_P(Flows, RstFromTheClientClosesBothSessions) {
    auto const flow = scene().establish(client_packet(1234));
    ASSERT_TRUE(scene().send(flow.from_client(rst)).was_sent());
    expect_state(flow, established | PM_SESSION_CLOSED);
}

TEST_P(Flows, RstFromTheBackendClosesBothSessions) {
    auto const flow = scene().open(client_packet(1234));
    ASSERT_TRUE(scene().send(flow.from_backend(rst | ack)).was_sent());
    EXPECT_TRUE(state(flow, PM_TO_BACKEND) & PM_SESSION_CLOSED);
    EXPECT_TRUE(state(flow, PM_TO_CLIENT) & PM_SESSION_CLOSED);
}

TEST_P(Flows, ANewSynOnAClosedFlowSelectsAgain) {
    auto const flow = scene().establish_at(2);
    ASSERT_TRUE(scene().send(flow.from_client(rst)).was_sent());
    world().administer(2, AdminState::drain);
    scene().publish();
    auto const next = scene().open(flow.first);
    EXPECT_NE(next.backend(), 2U);
    expect_state(next, 0);
}

TEST_P(Flows, ANewSynOnAnOpenFlowStaysAtItsBackend) {
    auto const flow = scene().establish_at(2);
    world().administer(2, AdminState::drain);
    scene().publish();
    EXPECT_EQ(scene().open(flow.first).forwarded, flow.forwarded);
}

TEST_P(Flows, ANewSynAfterTheIdleTimeoutSelectsAgain) {
    auto const flow = scene().establish_at(2);
    world().administer(2, AdminState::drain);
    scene().publish();
    let_all_sessions_time_out();
    EXPECT_NE(scene().open(flow.first).backend(), 2U);
}

TEST_P(Flows, ADatagramAfterTheIdleTimeoutSelectsAgain) {
    begin(web_world(Protocol::udp));
    auto const flow = scene().establish_at(2);
    world().administer(2, AdminState::drain);
    scene().publish();
    let_all_sessions_time_out();
    EXPECT_NE(scene().open(flow.first).backend(), 2U);
}

TEST_P(Flows, AUdpChecksumThatComputesToZeroIsSentAsAllOnes) {
    begin(web_world(Protocol::udp));
    auto const flow = scene().establish(client_datagram(1234));
    auto packet = flow.from_client(0, {0, 0});
    auto const checksum_offset = ethernet_length + ipv4_length + 6;
    write_16(packet.payload, 0, read_16(encode(flow.at_backend(packet)), checksum_offset));
    auto const output = scene().send(packet);
    EXPECT_EQ(read_16(output.frame, checksum_offset), 0xffff);
    EXPECT_PRED_FORMAT2(same_frame, output.frame, encode(flow.at_backend(packet)));
}

TEST_P(Flows, ToAPortRangeKeepTheirPort) {
    auto ranged = web_world();
    ranged.service("web").port_first = 8000;
    ranged.service("web").port_last = 8100;
    begin(std::move(ranged));
    for (std::uint16_t const port : {std::uint16_t{8000}, std::uint16_t{8050}, std::uint16_t{8100}}) {
        auto packet = client_packet(1234);
        packet.destination_port = port;
        auto const flow = scene().establish(packet);
        EXPECT_EQ(flow.forwarded.destination_port, backend_port(flow.backend()));
        auto const reply = flow.from_backend(ack, {'o', 'k'});
        EXPECT_PRED_FORMAT2(same_frame, scene().send(reply).frame, encode(flow.at_client(reply)));
    }
    for (std::uint16_t const port : {std::uint16_t{7999}, std::uint16_t{8101}}) {
        auto packet = client_packet(1234);
        packet.destination_port = port;
        EXPECT_EQ(scene().send(packet).verdict, std::uint32_t{PM_PASS_NOT_OURS});
    }
}

POINTSMAN_BOTH_HOOKS(Flows);

} // namespace
} // namespace pointsman::test
