#include "tests/datapath/scene.hpp"

/// What an established flow meets when its backend is down, in maintenance, draining or gone.

namespace pointsman::test {
namespace {

class OnDownPolicy : public BothHooks {
protected:
    /// An established flow of backend 2, which then goes down.
    Flow flow_of_a_dead_backend(OnDown on_down, Protocol protocol = Protocol::tcp) {
        begin(web_world(protocol, 3, on_down));
        auto flow = scene().establish_at(2);
        world().measure(2, MeasuredState::down);
        scene().publish();
        return flow;
    }
    void expect_dropped(Packet const& packet) {
        EXPECT_EQ(scene().send(packet).verdict, std::uint32_t{PM_DROP_BACKEND_DOWN});
    }
};

Packet rst_for(Packet const& sent) {
    Packet answer;
    answer.to = sent.from;
    answer.from = sent.to;
    answer.source = sent.destination;
    answer.destination = sent.source;
    answer.source_port = sent.destination_port;
    answer.destination_port = sent.source_port;
    answer.flags = rst;
    answer.sequence = sent.acknowledged;
    return answer;
}

TEST_P(OnDownPolicy, ResetAnswersBothSidesWithTheRstTheyAccept) {
    auto const flow = flow_of_a_dead_backend(OnDown::reset);
    auto sent = flow.from_client(ack | psh, {'G', 'E', 'T'});
    sent.acknowledged = 77;
    for (int repeated = 0; repeated < 2; ++repeated)
        EXPECT_PRED_FORMAT2(same_frame, scene().send(sent).frame, encode(rst_for(sent)));
    auto reply = flow.from_backend(ack, {'2', '0', '0'});
    reply.acknowledged = 99;
    EXPECT_PRED_FORMAT2(same_frame, scene().send(reply).frame, encode(rst_for(reply)));
}

TEST_P(OnDownPolicy, ResetDoesNotAnswerARst) {
    expect_dropped(flow_of_a_dead_backend(OnDown::reset).from_client(rst));
}

TEST_P(OnDownPolicy, ANewSynLeavesTheDeadBackend) {
    for (auto const on_down : {OnDown::reset, OnDown::rehash, OnDown::drop}) {
        auto const flow = flow_of_a_dead_backend(on_down);
        EXPECT_NE(scene().open(flow.first).backend(), 2U);
    }
}

TEST_P(OnDownPolicy, RehashMovesTheFlowOnce) {
    auto const flow = flow_of_a_dead_backend(OnDown::rehash);
    auto const first = decode(scene().send(flow.from_client(ack)).frame);
    auto const second = decode(scene().send(flow.from_client(ack)).frame);
    ASSERT_TRUE(first && second);
    EXPECT_NE(first->to, backend_mac(2));
    EXPECT_EQ(*first, *second);
}

TEST_P(OnDownPolicy, RehashTellsTheDeadBackendByRst) {
    auto const reply = flow_of_a_dead_backend(OnDown::rehash).from_backend(ack);
    EXPECT_PRED_FORMAT2(same_frame, scene().send(reply).frame, encode(rst_for(reply)));
}

TEST_P(OnDownPolicy, KeepLeavesTheFlowWhereItIs) {
    auto const flow = flow_of_a_dead_backend(OnDown::keep);
    auto const sent = flow.from_client(ack);
    EXPECT_PRED_FORMAT2(same_frame, scene().send(sent).frame, encode(flow.at_backend(sent)));
    auto const reply = flow.from_backend(ack);
    EXPECT_PRED_FORMAT2(same_frame, scene().send(reply).frame, encode(flow.at_client(reply)));
}

TEST_P(OnDownPolicy, DropSaysNothing) {
    auto const flow = flow_of_a_dead_backend(OnDown::drop);
    expect_dropped(flow.from_client(ack));
    expect_dropped(flow.from_backend(ack));
}

TEST_P(OnDownPolicy, UdpMovesToAnotherBackendUnderResetAndRehash) {
    for (auto const on_down : {OnDown::reset, OnDown::rehash}) {
        auto const flow = flow_of_a_dead_backend(on_down, Protocol::udp);
        EXPECT_NE(scene().open(flow.from_client(0, {'x'})).backend(), 2U);
    }
}

TEST_P(OnDownPolicy, UdpStaysUnderKeep) {
    auto const flow = flow_of_a_dead_backend(OnDown::keep, Protocol::udp);
    EXPECT_EQ(scene().open(flow.from_client(0, {'x'})).forwarded,
              flow.at_backend(flow.from_client(0, {'x'})));
}

TEST_P(OnDownPolicy, UdpIsDroppedUnderDrop) {
    auto const flow = flow_of_a_dead_backend(OnDown::drop, Protocol::udp);
    expect_dropped(flow.from_client(0));
    expect_dropped(flow.from_backend(0));
}

TEST_P(OnDownPolicy, MaintenanceCutsFlowsAsDownDoes) {
    auto const flow = scene().establish_at(2);
    world().administer(2, AdminState::maint);
    scene().publish();
    EXPECT_EQ(scene().send(flow.from_client(ack)).verdict, std::uint32_t{PM_FORWARD_RESET});
}

TEST_P(OnDownPolicy, ADrainingBackendKeepsItsFlowsAndTakesNoNewOnes) {
    auto const flow = scene().establish_at(2);
    world().administer(2, AdminState::drain);
    scene().publish();
    for (std::uint16_t port = 20000; port < 20100; ++port)
        EXPECT_NE(scene().open(client_packet(port)).backend(), 2U);
    auto const sent = flow.from_client(ack);
    EXPECT_PRED_FORMAT2(same_frame, scene().send(sent).frame, encode(flow.at_backend(sent)));
}

TEST_P(OnDownPolicy, ABackendThatIsUpAgainTakesNewFlowsButNotItsOldOnes) {
    auto const flow = flow_of_a_dead_backend(OnDown::reset);
    scene().datapath.finish_swap();
    world().measure(2, MeasuredState::up);
    scene().publish();
    EXPECT_EQ(scene().send(flow.from_backend(ack)).verdict, std::uint32_t{PM_PASS_NOT_OURS});
    EXPECT_EQ(scene().establish_at(2).backend(), 2U);
}

TEST_P(OnDownPolicy, FlowsOfOtherBackendsGoOn) {
    auto const other = scene().establish_at(3);
    world().measure(2, MeasuredState::down);
    scene().publish();
    auto const sent = other.from_client(ack);
    EXPECT_PRED_FORMAT2(same_frame, scene().send(sent).frame, encode(other.at_backend(sent)));
    scene().datapath.finish_swap();
    EXPECT_PRED_FORMAT2(same_frame, scene().send(sent).frame, encode(other.at_backend(sent)));
}

POINTSMAN_BOTH_HOOKS(OnDownPolicy);

} // namespace
} // namespace pointsman::test
