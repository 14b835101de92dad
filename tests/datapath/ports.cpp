#include "tests/datapath/few_ports.hpp"

#include <set>

/// NAT ports, on a datapath that has four of them.

namespace pointsman::test {
namespace {

class Ports : public FewPorts {
protected:
    void forget_all() { std::ranges::fill(few().datapath.tables().active_sessions(), pm_session_set{}); }
    /// The NAT port that a flow gets when all are free.
    [[nodiscard]] std::uint16_t choice_of(Packet const& packet) {
        auto const port = few().open(packet).nat_port();
        forget_all();
        return port;
    }
    /// All sessions have been silent for so many jiffies more.
    void age(std::uint32_t jiffies) {
        for (auto& set : few().datapath.tables().active_sessions())
            for (auto& last_seen : set.last_seen)
                last_seen -= jiffies;
    }
    [[nodiscard]] Flow establish(std::uint16_t client_port) {
        return few().establish(client_packet(client_port));
    }
};

constexpr std::uint32_t exhausted = PM_DROP_PORTS_EXHAUSTED;
constexpr std::uint32_t unit = 65'536; ///< of a client's clock, in milliseconds

/// A SYN with the options of a Linux client, whose timestamps are at `milliseconds`.
Packet stamped_syn(std::uint16_t client_port, std::uint32_t milliseconds) {
    auto packet = client_packet(client_port);
    packet.tcp_options =
        Writer{}.dword(0x0204'05b4).dword(0x0402'080a).dword(milliseconds).dword(0).dword(0x0103'0307).take();
    return packet;
}

TEST_P(Ports, EveryPortOfTheRangeIsUsedBeforeOneIsRefused) {
    std::set<std::uint16_t> used;
    for (std::uint16_t port = 11; port <= 44; port = static_cast<std::uint16_t>(port + 11))
        used.insert(establish(port).nat_port());
    EXPECT_EQ(used, (std::set<std::uint16_t>{40000, 40001, 40002, 40003}));
    EXPECT_EQ(few().send(client_packet(55)).verdict, exhausted);
}

TEST_P(Ports, APortIsFreeAgainWhenItsConnectionIsClosed) {
    auto const first = establish(1);
    for (std::uint16_t port = 2; port <= 4; ++port)
        (void)establish(port);
    ASSERT_EQ(few().send(client_packet(5)).verdict, exhausted);
    ASSERT_TRUE(few().send(first.from_client(rst)).was_sent());
    EXPECT_EQ(few().open(client_packet(5)).nat_port(), first.nat_port());
}

TEST_P(Ports, AFlowThatLostItsPortDoesNotSendFromItAnyMore) {
    auto const first = establish(1);
    for (std::uint16_t port = 2; port <= 4; ++port)
        (void)establish(port);
    ASSERT_TRUE(few().send(first.from_client(rst)).was_sent());
    auto const next = establish(5);
    ASSERT_EQ(next.nat_port(), first.nat_port());
    EXPECT_EQ(few().send(first.from_client(ack)).verdict, std::uint32_t{PM_FORWARD_RESET});
    EXPECT_EQ(few().send(first.from_client(rst)).verdict, std::uint32_t{PM_DROP_NO_SESSION});
}

TEST_P(Ports, AHalfOpenFlowKeepsItsPortWhileAnyOtherIsFree) {
    std::set<std::uint16_t> used;
    for (std::uint16_t port = 1; port <= 4; ++port)
        used.insert(few().open(client_packet(port)).nat_port());
    EXPECT_EQ(used.size(), 4U);
}

TEST_P(Ports, AHalfOpenFlowThatLostItsPortBeginsAnewAtItsNextSyn) {
    auto const half_open = few().open(client_packet(1));
    for (std::uint16_t port = 2; port <= 4; ++port)
        (void)establish(port);
    auto const next = few().open(client_packet(5));
    ASSERT_EQ(next.nat_port(), half_open.nat_port());
    ASSERT_TRUE(few().send(next.from_client(rst)).was_sent()); // or there is no port to be had
    EXPECT_EQ(few().open(client_packet(1)).nat_port(), next.nat_port());
}

TEST_P(Ports, AHalfOpenFlowThatLostItsPortSendsNothingFromItAnyMore) {
    auto const half_open = few().open(client_packet(1));
    for (std::uint16_t port = 2; port <= 4; ++port)
        (void)establish(port);
    ASSERT_EQ(few().open(client_packet(5)).nat_port(), half_open.nat_port());
    EXPECT_EQ(few().send(half_open.from_client(ack)).verdict, std::uint32_t{PM_FORWARD_RESET});
}

TEST_P(Ports, AHalfOpenFlowGivesItsPortToANewOneWhenNoneIsFree) {
    auto const half_open = few().open(client_packet(1));
    for (std::uint16_t port = 2; port <= 4; ++port)
        (void)establish(port);
    EXPECT_EQ(few().open(client_packet(5)).nat_port(), half_open.nat_port());
}

TEST_P(Ports, AOneWayDatagramFlowInUseKeepsItsPort) {
    few().world = web_world(Protocol::udp, 1);
    few().publish();
    auto const flow = few().open(client_datagram(1));
    for (std::uint16_t port = 2; port <= 4; ++port)
        (void)few().establish(client_datagram(port));
    age(static_cast<std::uint32_t>(60 * few().datapath.programs().ticks_per_second()));
    ASSERT_TRUE(few().send(flow.from_client(0)).was_sent()) << "the flow is in use now";
    EXPECT_EQ(few().send(client_datagram(5)).verdict, exhausted);
}

TEST_P(Ports, TheSameClientsNextConnectionTakesItsOldPortAtOnce) {
    auto const first = establish(1);
    ASSERT_TRUE(few().send(first.from_client(rst)).was_sent());
    EXPECT_EQ(few().open(client_packet(1)).nat_port(), first.nat_port());
}

// Client ports 1 and 5 have the same first choice of four NAT ports.

TEST_P(Ports, AClosedPortIsLeftAloneWhileTheBackendMayRememberIt) {
    auto const first = establish(1);
    ASSERT_TRUE(few().send(first.from_client(rst)).was_sent());
    EXPECT_NE(few().open(client_packet(5)).nat_port(), first.nat_port());
}

TEST_P(Ports, AClosedPortIsTakenAtOnceWhenTimeWaitIsOver) {
    auto const first = establish(1);
    ASSERT_TRUE(few().send(first.from_client(rst)).was_sent());
    age(static_cast<std::uint32_t>(62 * few().datapath.programs().ticks_per_second()));
    EXPECT_EQ(few().open(client_packet(5)).nat_port(), first.nat_port());
}

TEST_P(Ports, AClosedPortIsTakenAtOnceByTheSameHostWhoseClockGoesOn) {
    auto const first = few().establish(stamped_syn(1, 5'000'000));
    ASSERT_TRUE(few().send(first.from_client(rst)).was_sent());
    EXPECT_EQ(few().open(stamped_syn(5, 5'000'100)).nat_port(), first.nat_port());
}

TEST_P(Ports, APortWhoseConnectionJustEndedWithBothFinsIsLeftAloneHoweverLateTheClock) {
    auto const first = few().establish(stamped_syn(1, 5'000'000));
    ASSERT_TRUE(few().send(first.from_backend(fin | ack)).was_sent());
    ASSERT_TRUE(few().send(first.from_client(fin | ack)).was_sent());
    EXPECT_NE(few().open(stamped_syn(5, 5'000'000 + 2 * unit)).nat_port(), first.nat_port());
    forget_all();

    auto const second = few().establish(stamped_syn(1, 5'000'000));
    ASSERT_TRUE(few().send(second.from_backend(fin | ack)).was_sent());
    ASSERT_TRUE(few().send(second.from_client(fin | ack)).was_sent());
    age(PM_SEEN_TICKS + 1);
    EXPECT_EQ(few().open(stamped_syn(5, 5'000'000 + 2 * unit)).nat_port(), second.nat_port());
}

TEST_P(Ports, AClosedPortIsTakenAtOnceByAClockThatIsLater) {
    auto const first = few().establish(stamped_syn(1, 5'000'000));
    ASSERT_TRUE(few().send(first.from_client(rst)).was_sent());
    EXPECT_EQ(few().open(stamped_syn(5, 5'000'000 + 2 * unit)).nat_port(), first.nat_port());
}

TEST_P(Ports, AClosedPortIsLeftAloneByAClockThatIsEarlier) {
    auto const first = few().establish(stamped_syn(1, 5'000'000));
    ASSERT_TRUE(few().send(first.from_client(rst)).was_sent());
    EXPECT_NE(few().open(stamped_syn(5, 5'000'000 - 2 * unit)).nat_port(), first.nat_port());
}

/// No session says any more that they were there: their NAT ports are passed over nevertheless, without a
/// look.
TEST_P(Ports, APortWhoseLastClientHadALaterClockIsPassedOver) {
    auto const first = few().open(stamped_syn(1, 5'000'000));
    forget_all();
    EXPECT_NE(few().open(stamped_syn(5, 5'000'000 - 2 * unit)).nat_port(), first.nat_port());
    forget_all();
    EXPECT_NE(few().open(stamped_syn(1, 5'000'000 - 2 * unit)).nat_port(), first.nat_port())
        << "its own, but its clock went back";
    forget_all();
    auto const second = few().open(stamped_syn(1, 5'000'000));
    forget_all();
    EXPECT_EQ(few().open(stamped_syn(1, 5'000'100)).nat_port(), second.nat_port()) << "its own";
}

TEST_P(Ports, WhenAllClientsBeforeHadLaterClocksAPortIsTakenAllTheSame) {
    for (std::uint16_t port = 1; port <= 4; ++port)
        (void)few().open(stamped_syn(port, 5'000'000));
    forget_all();
    auto const late = few().send(stamped_syn(5, 5'000'000 - 2 * unit));
    EXPECT_TRUE(late.was_sent());
}

/// Timestamps are a circle: half of it is later.
TEST_P(Ports, AClosedPortIsTakenAtOnceByAClockThatWentRoundTheEnd) {
    auto const first = few().establish(stamped_syn(1, 0U - unit));
    ASSERT_TRUE(few().send(first.from_client(rst)).was_sent());
    EXPECT_EQ(few().open(stamped_syn(5, unit)).nat_port(), first.nat_port());
}

TEST_P(Ports, AClosedPortIsLeftAloneByAnotherAddressWhoseClockMayBeEarlier) {
    auto stranger = stamped_syn(1, 5'000'100);
    stranger.source = Address::v4(0xcb00'7109);
    auto const choice = choice_of(stranger);
    std::uint16_t port = 1;
    while (choice_of(client_packet(port)) != choice)
        ++port;
    auto const first = few().establish(stamped_syn(port, 5'000'000));
    ASSERT_TRUE(few().send(first.from_client(rst)).was_sent());
    EXPECT_NE(few().open(stranger).nat_port(), first.nat_port());
}

TEST_P(Ports, OptionsThatEndInTheMiddleOfATimestampAreNoClock) {
    auto cut = stamped_syn(1, 5'000'000);
    cut.tcp_options = {1, 1, 1, 1, 1, 1, 8, 10};
    auto const first = few().establish(cut);
    ASSERT_TRUE(few().send(first.from_client(rst)).was_sent());
    EXPECT_NE(few().open(client_packet(5)).nat_port(), first.nat_port());
}

TEST_P(Ports, AnotherBackendHasAllPortsToo) {
    few().world = web_world(Protocol::tcp, 2);
    few().publish();
    std::set<std::pair<unsigned, std::uint16_t>> used;
    for (std::uint16_t port = 1; port <= 200; ++port) {
        auto const output = few().send(client_packet(port));
        if (auto const forwarded = decode(output.frame); output.was_sent() && forwarded) {
            EXPECT_TRUE(used.emplace(forwarded->to[5], forwarded->source_port).second);
            (void)establish(port);
        } else {
            EXPECT_EQ(output.verdict, exhausted);
        }
    }
    EXPECT_EQ(used.size(), 8U);
}

POINTSMAN_BOTH_HOOKS(Ports);

} // namespace
} // namespace pointsman::test
