// `why` decides as the programs do: each flow is asked about first and sent then.
#include "controller/datapath/flow_decision.hpp"
#include "tests/datapath/way.hpp"

#include <algorithm>
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
        auto const* backend = scene().generation.find(static_cast<BackendId>(decision.backend));
        ASSERT_TRUE(backend && backend->next_hop);
        ASSERT_TRUE(
            std::equal(backend->next_hop->mac.begin(), backend->next_hop->mac.end(), output.frame.begin()))
            << "from port " << packet.source_port;
    }

    /// As if no session had had a packet for so many jiffies.
    void age_sessions(std::uint32_t ticks) {
        for (auto& set : scene().datapath.tables().active_sessions())
            for (auto& last_seen : set.last_seen)
                last_seen -= ticks;
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

/// Flows fall silent for as long as half-open, closing and established ones may, and longer.
TEST_P(FlowDecisionTest, AgreesWhenFlowsGrowOld) {
    for (auto const protocol : {Protocol::tcp, Protocol::udp}) {
        begin(web_world(protocol, 4, OnDown::drop));
        auto const second = static_cast<std::uint32_t>(scene().datapath.programs().ticks_per_second());
        auto const first = [&](std::uint16_t port) {
            return protocol == Protocol::tcp ? client_packet(port) : client_datagram(port);
        };
        for (std::uint32_t const seconds : {1U, 25U, 4U, 2U, 60U, 58U, 10U, 600U, 295U, 8U, 1U, 900U}) {
            for (std::uint16_t port = 1000; port < 1020; ++port)
                (void)scene().establish(first(port));
            for (std::uint16_t port = 1000; port < 1010; ++port)
                if (protocol == Protocol::tcp) (void)scene().send(client_packet(port, fin | ack));
            age_sessions(seconds * second);
            for (std::uint16_t port = 1000; port < 1040; ++port)
                expect_agreement(first(port));
            if (HasFatalFailure()) return;
        }
    }
}

TEST_P(FlowDecisionTest, NamesTheWayOfAnAnswerToTheClientsOwnAddress) {
    auto changed = web_world();
    changed.service("web").source = Source::client;
    for (auto& backend : changed.service("web").backends)
        backend.port = 0;
    begin(changed);
    auto const answer = scene().establish(client_packet(4000)).from_backend(ack);
    EXPECT_EQ(answer.destination, client_address);
    EXPECT_EQ(answer.source_port, web_port);
    EXPECT_EQ(decide(answer).verdict, static_cast<std::uint32_t>(PM_FORWARD_TO_CLIENT));
    EXPECT_EQ(scene().send(answer).verdict, std::uint32_t{PM_FORWARD_TO_CLIENT});
}

TEST_P(FlowDecisionTest, AgreesInEveryWayOfForwarding) {
    for (auto const& way : all_ways()) {
        begin(world_of(way));
        for (auto const state : {MeasuredState::up, MeasuredState::up, MeasuredState::down}) {
            world().measure(1, state);
            scene().publish();
            for (std::uint16_t port = 1000; port < 1100; ++port) {
                auto packet = packet_of(way);
                packet.source_port = port;
                expect_agreement(packet);
                if (HasFatalFailure()) FAIL() << name_of(way);
            }
        }
    }
}

TEST_P(FlowDecisionTest, KnowsWhoIsNoClientOverIpv6) {
    Way const way{.v6 = true};
    begin(world_of(way));
    auto packet = packet_of(way);
    for (char const* const source : {"::", "::1", "::2", "ff02::1", "2001:db8::a", "2001:db8::b"}) {
        packet.source = *Address::parse(source);
        expect_agreement(packet);
    }
}

TEST_P(FlowDecisionTest, KnowsWhoIsNoClient) {
    for (std::uint32_t const source :
         {0x00000001U, 0x7f000001U, 0xe0000001U, 0xffffffffU, 0xc000020aU, 0xdfffffffU}) {
        auto packet = client_packet(4000);
        packet.source = Address::v4(source);
        expect_agreement(packet);
    }
}

POINTSMAN_BOTH_HOOKS(FlowDecisionTest);

} // namespace
} // namespace pointsman::test
