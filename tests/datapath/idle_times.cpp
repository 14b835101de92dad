#include "controller/datapath/predecessor.hpp"
#include "tests/datapath/scene.hpp"

#include <algorithm>

/// For how long a flow may be silent: each class of flows has its time, which the service says.

namespace pointsman::test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t port = 4000;

class IdleTimes : public BothHooks {
protected:
    void begin_with_times(Protocol protocol) {
        auto changed = web_world(protocol);
        auto& service = changed.service("web");
        service.idle_timeout = 600s;
        service.half_open_timeout = 10s;
        service.closing_timeout = 60s;
        begin(changed);
    }

    /// As if no packet had come for so long.
    void fall_silent(std::chrono::seconds time, std::uint32_t more_ticks = 0) {
        auto const& datapath = scene().datapath;
        auto const ticks = static_cast<std::uint32_t>(static_cast<std::uint64_t>(time.count()) *
                                                      datapath.programs().ticks_per_second());
        for (auto& set : scene().datapath.tables().active_sessions())
            for (auto& last_seen : set.last_seen)
                last_seen -= ticks + more_ticks;
    }

    /// As if another CPU had seen a packet so much later, between this one's looks at the clock and at the
    /// session.
    void be_seen_later(std::uint32_t ticks) { fall_silent(0s, -ticks); }

    /// A client's packet of the flow that has been silent for so long still belongs to it.
    void expect_alive_after(std::chrono::seconds time) {
        fall_silent(time);
        expect_alive();
    }
    void expect_alive() {
        (void)scene().events();
        EXPECT_EQ(send_on(), std::uint32_t{PM_FORWARD_TO_BACKEND});
        EXPECT_FALSE(began_anew());
    }
    /// ... belongs to nothing: a TCP client learns it, a UDP flow begins anew. The pair of sessions tell each
    /// other seldom that the flow is alive, so it has that much more time.
    void expect_over_after(std::chrono::seconds time) {
        fall_silent(time, 2 * PM_PARTNER_TICKS);
        expect_over();
    }
    void expect_over() {
        (void)scene().events();
        auto const udp = world().service("web").protocol == Protocol::udp;
        EXPECT_EQ(send_on(), udp ? std::uint32_t{PM_FORWARD_TO_BACKEND} : std::uint32_t{PM_FORWARD_RESET});
        EXPECT_EQ(began_anew(), udp);
    }

private:
    [[nodiscard]] std::optional<std::uint32_t> send_on() {
        auto const udp = world().service("web").protocol == Protocol::udp;
        return scene().send(udp ? client_datagram(port) : client_packet(port, ack)).verdict;
    }
    [[nodiscard]] bool began_anew() {
        return std::ranges::count(scene().events(), PM_EVENT_REHASHED, &pm_event::type) != 0;
    }
};

TEST_P(IdleTimes, OfAnEstablishedConnectionIsIdleTimeout) {
    begin_with_times(Protocol::tcp);
    (void)scene().establish(client_packet(port));
    expect_alive_after(600s);
    expect_over_after(600s);
}

TEST_P(IdleTimes, OfAHandshakeIsHalfOpenTimeout) {
    begin_with_times(Protocol::tcp);
    (void)scene().open(client_packet(port));
    expect_alive_after(10s);
    expect_over_after(10s);
}

TEST_P(IdleTimes, AfterAFinIsClosingTimeout) {
    begin_with_times(Protocol::tcp);
    auto const flow = scene().establish(client_packet(port));
    EXPECT_TRUE(scene().send(flow.from_backend(fin | ack)).was_sent());
    expect_alive_after(60s);
    expect_over_after(60s);
}

TEST_P(IdleTimes, OfDatagramsThatAreAnsweredIsIdleTimeout) {
    begin_with_times(Protocol::udp);
    (void)scene().establish(client_datagram(port));
    expect_alive_after(600s);
    expect_over_after(600s);
}

TEST_P(IdleTimes, OfDatagramsThatAreNotIsHalfOpenTimeout) {
    begin_with_times(Protocol::udp);
    (void)scene().open(client_datagram(port));
    expect_alive_after(10s);
    expect_over_after(10s);
}

TEST_P(IdleTimes, AShorterIdleTimeoutHoldsForAllOfThem) {
    for (auto const flags : {std::uint8_t{0}, std::uint8_t{fin | ack}}) {
        begin_with_times(Protocol::tcp);
        world().service("web").idle_timeout = 5s;
        scene().publish();
        auto const flow =
            flags == 0 ? scene().open(client_packet(port)) : scene().establish(client_packet(port));
        if (flags != 0) {
            EXPECT_TRUE(scene().send(flow.from_backend(flags)).was_sent());
        }
        expect_over_after(5s);
    }
}

TEST_P(IdleTimes, OfAReloadHoldForFlowsThatAreThere) {
    begin_with_times(Protocol::tcp);
    (void)scene().open(client_packet(port));
    fall_silent(10s, 2 * PM_PARTNER_TICKS);
    world().service("web").half_open_timeout = 60s;
    scene().publish();
    expect_alive();
    fall_silent(10s, 2 * PM_PARTNER_TICKS);
    world().service("web").half_open_timeout = 10s;
    scene().publish();
    expect_over();
}

TEST_P(IdleTimes, DoNotBeginBeforeTheLastPacket) {
    begin_with_times(Protocol::tcp);
    (void)scene().open(client_packet(port)); // half-open
    be_seen_later(1);
    expect_alive();
    auto const flow = scene().establish(client_packet(port));
    be_seen_later(1);
    expect_alive();
    be_seen_later(PM_PARTNER_TICKS / 2);
    expect_alive();
    EXPECT_TRUE(scene().send(flow.from_backend(fin | ack)).was_sent());
    be_seen_later(1);
    expect_alive();
}

TEST_P(IdleTimes, DoNotBeginBeforeTheLastDatagram) {
    begin_with_times(Protocol::udp);
    (void)scene().open(client_datagram(port));
    be_seen_later(1);
    expect_alive();
}

/// `sessions` and the metrics tell of no flow that is over.
TEST_P(IdleTimes, AreThoseOfWhatIsCounted) {
    begin_with_times(Protocol::tcp);
    (void)scene().open(client_packet(port));
    auto const flow = scene().establish(client_packet(port + 1));
    EXPECT_TRUE(scene().send(flow.from_backend(fin | ack)).was_sent());
    (void)scene().establish(client_packet(port + 2));
    auto const counted = [&] {
        std::uint64_t sum = 0;
        for (auto const& [backend, count] : count_sessions(snapshot_of(scene().datapath.programs().maps())))
            sum += count;
        return sum;
    };
    EXPECT_EQ(counted(), 3U);
    fall_silent(20s);
    EXPECT_EQ(counted(), 2U);
    fall_silent(60s);
    EXPECT_EQ(counted(), 1U);
    fall_silent(600s);
    EXPECT_EQ(counted(), 0U);
}

POINTSMAN_BOTH_HOOKS(IdleTimes);

} // namespace
} // namespace pointsman::test
