// `why` decides as the programs do: each flow is asked about first and sent then.
#include "controller/datapath/flow_decision.hpp"
#include "tests/datapath/scene.hpp"

#include <algorithm>
#include <netinet/in.h>
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
    void expect_agreement(Packet const& packet) { expect_agreement(packet, encode(packet)); }

    /// For what encode() does not know: `frame` is on the wire what `packet` says.
    void expect_agreement(Packet const& packet, Frame const& frame) {
        auto const decision = decide(packet);
        auto const output = scene().send(frame);
        ASSERT_TRUE(output.verdict.has_value());
        ASSERT_EQ(decision.verdict, *output.verdict) << "from port " << packet.source_port;
        if (decision.verdict != PM_FORWARD_TO_BACKEND) return;
        auto const* backend = scene().generation.find(BackendId{decision.backend});
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

/// A SYN over IPv6; its checksum is not looked at.
Frame v6_frame(Packet const& packet) {
    Frame frame(ethernet_length + 40 + tcp_length);
    std::copy(packet.to.begin(), packet.to.end(), frame.begin());
    std::copy(packet.from.begin(), packet.from.end(), frame.begin() + 6);
    write_16(frame, 12, 0x86dd);
    auto* const ip = frame.data() + ethernet_length;
    ip[0] = 0x60;
    ip[5] = tcp_length; // payload length
    ip[6] = IPPROTO_TCP;
    ip[7] = 64; // hop limit
    std::ranges::copy(packet.source.octets(), ip + 8);
    std::ranges::copy(packet.destination.octets(), ip + 24);
    write_16(frame, ethernet_length + 40, packet.source_port);
    write_16(frame, ethernet_length + 42, packet.destination_port);
    frame[ethernet_length + 52] = 0x50; // header length
    frame[ethernet_length + 53] = packet.flags;
    return frame;
}

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

TEST_P(FlowDecisionTest, AgreesInEveryWayOfForwarding) {
    for (auto const forward : {Forward::nat, Forward::dsr, Forward::ipip, Forward::gue}) {
        auto changed = web_world();
        changed.service("web").forward = forward;
        if (forward == Forward::nat) changed.service("web").source = Source::client;
        begin(changed);
        for (int twice = 0; twice < 2; ++twice)
            for (std::uint16_t port = 1000; port < 1200; ++port)
                expect_agreement(client_packet(port));
        world().measure(1, MeasuredState::down);
        scene().publish();
        for (std::uint16_t port = 1000; port < 1200; ++port)
            expect_agreement(client_packet(port));
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

TEST_P(FlowDecisionTest, AgreesAboutIpv6) {
    auto const service = *Address::parse("2001:db8::a");
    auto changed = web_world();
    changed.service("web").address = service;
    for (auto& backend : changed.service("web").backends) {
        auto const route = changed.network.routes[backend.address];
        backend.address = *Address::parse("fd00::" + backend.name);
        changed.network.routes[backend.address] = {route.next_hop, Address::parse("fd00::1")};
    }
    begin(changed);
    auto packet = client_packet(0);
    packet.destination = service;
    for (char const* const source : {"2001:db8::7", "::1", "ff02::1", "2001:db8::a", "::2"})
        for (std::uint16_t port = 1000; port < 1200; ++port) {
            packet.source = *Address::parse(source);
            packet.source_port = port;
            expect_agreement(packet, v6_frame(packet));
            expect_agreement(packet, v6_frame(packet));
            if (HasFatalFailure()) return;
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
