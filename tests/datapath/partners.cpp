#include "tests/datapath/packet_cases.hpp"

#include <algorithm>

/// The pair of sessions of a NAT flow: what is left of it makes the other one anew.

namespace pointsman::test {
namespace {

constexpr std::uint16_t port = 4000;
constexpr std::uint32_t established = PM_SESSION_ANSWERED | PM_SESSION_ESTABLISHED;

class Partners : public BothHooks {
protected:
    /// @return the state; nothing when there is no such session.
    [[nodiscard]] std::optional<std::uint32_t> state(Flow const& flow, pm_direction direction) {
        auto const session = scene().session_of(flow, direction);
        return session ? std::optional{session->state} : std::nullopt;
    }
    void expect_pair(Flow const& flow, std::uint32_t expected) {
        EXPECT_EQ(state(flow, PM_TO_BACKEND), expected);
        EXPECT_EQ(state(flow, PM_TO_CLIENT), expected);
    }

    void expect_to_backend(Flow const& flow, Packet const& sent) {
        EXPECT_PRED_FORMAT2(same_frame, scene().send(sent).frame, encode(flow.at_backend(sent)));
    }
    void expect_to_client(Flow const& flow, Packet const& sent) {
        EXPECT_PRED_FORMAT2(same_frame, scene().send(sent).frame, encode(flow.at_client(sent)));
    }
    void expect_unknown(Packet const& sent) {
        EXPECT_EQ(scene().send(sent).verdict, std::uint32_t{PM_PASS_NOT_OURS});
    }
};

TEST_P(Partners, TheClientsPacketMakesTheLostSessionOfItsAnswersAnew) {
    auto const flow = scene().establish(client_packet(port));
    scene().lose_session(flow, PM_TO_CLIENT);
    expect_unknown(flow.from_backend(ack));
    expect_to_backend(flow, flow.from_client(ack));
    expect_to_client(flow, flow.from_backend(ack));
    expect_pair(flow, established);
}

TEST_P(Partners, AnAnswerMakesTheLostSessionOfTheClientAnew) {
    auto const flow = scene().establish(client_packet(port));
    scene().lose_session(flow, PM_TO_BACKEND);
    expect_to_client(flow, flow.from_backend(ack));
    expect_to_backend(flow, flow.from_client(ack));
    expect_pair(flow, established);
}

TEST_P(Partners, DatagramsDoThatToo) {
    begin(web_world(Protocol::udp));
    auto const flow = scene().establish(client_datagram(port));
    scene().lose_session(flow, PM_TO_CLIENT);
    expect_to_backend(flow, flow.from_client(0));
    expect_to_client(flow, flow.from_backend(0));
    scene().lose_session(flow, PM_TO_BACKEND);
    expect_to_client(flow, flow.from_backend(0));
    expect_to_backend(flow, flow.from_client(0));
    expect_pair(flow, established);
}

/// What SYN floods do to clients: one of the pair gives way before the handshake is complete.
TEST_P(Partners, AHandshakeGoesOnWhenTheClientRepeatsItsSyn) {
    auto const flow = scene().open(client_packet(port));
    scene().lose_session(flow, PM_TO_CLIENT);
    expect_unknown(flow.from_backend(syn | ack));
    expect_to_backend(flow, flow.from_client(syn));
    expect_to_client(flow, flow.from_backend(syn | ack));
    expect_to_backend(flow, flow.from_client(ack));
    expect_pair(flow, established);
}

TEST_P(Partners, AHandshakeGoesOnWithTheBackendsAnswer) {
    auto const flow = scene().open(client_packet(port));
    scene().lose_session(flow, PM_TO_BACKEND);
    expect_to_client(flow, flow.from_backend(syn | ack));
    expect_to_backend(flow, flow.from_client(ack));
    expect_pair(flow, established);
}

TEST_P(Partners, OfAFlowThatIsOverStayLost) {
    for (auto const lost : {PM_TO_CLIENT, PM_TO_BACKEND}) {
        auto const flow = scene().establish(client_packet(static_cast<std::uint16_t>(port + lost)));
        (void)scene().send(flow.from_client(rst));
        scene().lose_session(flow, lost);
        (void)scene().send(lost == PM_TO_CLIENT ? flow.from_client(ack) : flow.from_backend(ack));
        EXPECT_EQ(state(flow, lost), std::nullopt);
    }
}

TEST_P(Partners, FindOutThatAnotherClientHasTheNatPort) {
    Scene few{few_ports_datapath(), GetParam()};
    few.world = web_world(Protocol::tcp, 1);
    few.publish();
    auto const old = few.establish(client_packet(1));
    few.lose_session(old, PM_TO_CLIENT);
    std::optional<Flow> heir;
    for (std::uint16_t number = 2; !heir; ++number) {
        auto const flow = few.establish(client_packet(number));
        if (flow.nat_port() == old.nat_port()) heir = flow;
    }
    (void)few.send(old.from_client(rst));
    EXPECT_EQ(few.session_of(*heir, PM_TO_CLIENT)->state, established);
    EXPECT_EQ(few.session_of(*heir, PM_TO_BACKEND)->state, established);
}

TEST_P(Partners, TakeNoPlaceOfALivingFlow) {
    auto const flow = scene().establish(client_packet(port));
    scene().lose_session(flow, PM_TO_CLIENT);
    Session living = *scene().session_of(flow, PM_TO_BACKEND);
    living.client_port ^= 1;
    living.tag = 2;
    living.last_seen += PM_PARTNER_TICKS;
    for (auto& set : scene().datapath.tables().active_sessions())
        for (std::size_t way = 0; way < PM_SESSION_WAYS; ++way)
            if (!read_session(set, way)) write_session(set, way, living);
    auto const others = [&] {
        return std::ranges::count(sessions_in(scene().datapath.tables().active_sessions()),
                                  living.client_port, &Session::client_port);
    };
    auto const before = others();
    expect_to_backend(flow, flow.from_client(ack));
    expect_unknown(flow.from_backend(ack));
    EXPECT_EQ(others(), before);
}

POINTSMAN_BOTH_HOOKS(Partners);

} // namespace
} // namespace pointsman::test
