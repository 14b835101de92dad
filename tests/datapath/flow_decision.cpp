// `why` decides as the programs do: each flow is asked about first and sent then.
#include "controller/datapath/flow_decision.hpp"
#include "tests/datapath/scene.hpp"

#include <random>

namespace pointsman::test {
namespace {

class FlowDecisionTest : public BothHooks {
protected:
    [[nodiscard]] FlowDecision decide(Packet const& packet) {
        FlowQuestion const question{{packet.source, packet.source_port},
                                    {packet.destination, packet.destination_port},
                                    packet.protocol};
        auto& datapath = scene().datapath;
        return decide_flow(question, flow_tables_of(datapath.programs(), datapath.tables(),
                                                    hash_key_of(small_options().hash_seed)));
    }

    /// Asks, sends, and compares verdict and backend.
    void expect_agreement(Packet const& packet) {
        auto const decision = decide(packet);
        auto const output = scene().send(packet);
        ASSERT_TRUE(output.verdict.has_value());
        ASSERT_EQ(decision.verdict, *output.verdict) << "from port " << packet.source_port;
        if (decision.verdict != PM_FORWARD_TO_BACKEND) return;
        auto const sent = decode(output.frame);
        ASSERT_TRUE(sent.has_value());
        auto const* backend = scene().generation.find(BackendId{decision.backend});
        ASSERT_TRUE(backend);
        EXPECT_EQ(backend->address, sent->destination);
        EXPECT_EQ(backend->port, sent->destination_port);
    }
};

TEST_P(FlowDecisionTest, NamesTheBackendOfEachNewFlowAndOfItsSession) {
    for (std::uint16_t port = 1000; port < 6000; ++port) {
        expect_agreement(client_packet(port));
        expect_agreement(client_packet(port));
    }
}

TEST_P(FlowDecisionTest, NamesTheWayOfAnAnswer) {
    auto const flow = scene().establish(client_packet(4000));
    auto const answer = flow.from_backend(ack);
    auto const decision = decide(answer);
    EXPECT_EQ(decision.verdict, static_cast<std::uint32_t>(PM_FORWARD_TO_CLIENT));
    EXPECT_EQ(scene().send(answer).verdict, decision.verdict);
    auto stranger = answer;
    stranger.destination_port ^= 1;
    EXPECT_EQ(decide(stranger).verdict, static_cast<std::uint32_t>(PM_PASS_NOT_OURS));
    EXPECT_EQ(scene().send(stranger).verdict, std::uint32_t{PM_PASS_NOT_OURS});
}

TEST_P(FlowDecisionTest, KnowsWhatIsNoService) {
    auto elsewhere = client_packet(4000);
    elsewhere.destination_port = 81;
    expect_agreement(elsewhere);
    elsewhere.destination_port = web_port;
    elsewhere.protocol = Protocol::udp;
    expect_agreement(elsewhere);
}

/// Backends go down, rest and come back, sessions are swapped, and flows of all ages send SYNs.
TEST_P(FlowDecisionTest, AgreesWhateverHappensToTheBackends) {
    for (auto const on_down : {OnDown::reset, OnDown::rehash, OnDown::keep, OnDown::drop}) {
        for (auto const protocol : {Protocol::tcp, Protocol::udp}) {
            begin(web_world(protocol, 4, on_down));
            std::mt19937 random{7};
            for (int round = 0; round < 60; ++round) {
                auto const number = static_cast<unsigned>(1 + random() % 4);
                switch (random() % 4) {
                case 0: world().measure(number, MeasuredState::down); break;
                case 1: world().administer(number, AdminState::maint); break;
                case 2: world().administer(number, AdminState::ready); break;
                default: world().measure(number, MeasuredState::up); break;
                }
                scene().publish();
                for (int i = 0; i < 40; ++i) {
                    auto const port = static_cast<std::uint16_t>(1000 + random() % 300);
                    expect_agreement(protocol == Protocol::tcp ? client_packet(port) : client_datagram(port));
                    if (HasFatalFailure()) return;
                }
            }
        }
    }
}

POINTSMAN_BOTH_HOOKS(FlowDecisionTest);

} // namespace
} // namespace pointsman::test
