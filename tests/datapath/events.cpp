#include "controller/datapath/event_ring.hpp"
#include "tests/datapath/packet_cases.hpp"

#include <arpa/inet.h>

/// Connection events: one record per thing that happens to a connection, never one per packet.

namespace pointsman::test {
namespace {

using Types = std::vector<int>;

class Events : public BothHooks {
protected:
    /// Types of the events since the last call. Forgets when evidence was last sent: it is limited to one per
    /// jiffy.
    Types types() {
        Types types;
        for (auto const& event : scene().events())
            types.push_back(event.type);
        return types;
    }
    Types after(Packet const& packet) {
        (void)types();
        (void)scene().send(packet);
        return types();
    }
};

TEST_P(Events, AnEstablishedConnectionIsReportedOnceWithAllItsFields) {
    auto const flow = scene().establish(client_packet(1234));
    (void)scene().send(flow.from_client(ack));
    auto const events = scene().events();
    ASSERT_EQ(events.size(), 1U);
    auto const& event = events.front();
    auto const* backend = scene().generation.find(BackendKey{"web", "b" + std::to_string(flow.backend())});
    EXPECT_EQ(event.type, PM_EVENT_ESTABLISHED);
    EXPECT_EQ(event.backend, static_cast<std::uint32_t>(backend->id));
    EXPECT_EQ(event.incarnation, backend->incarnation);
    EXPECT_EQ(event.service, static_cast<std::uint16_t>(backend->service));
    EXPECT_EQ(event.protocol, static_cast<std::uint8_t>(Protocol::tcp));
    EXPECT_EQ(from_abi(event.client), client_address);
    EXPECT_EQ(ntohs(event.client_port), 1234);
    EXPECT_EQ(ntohs(event.service_port), web_port);
    EXPECT_EQ(event.active, scene().datapath.tables().active());
    EXPECT_LT(event.handshake_us, 10'000'000U);
    EXPECT_GT(event.time_ns, 0U);
}

TEST_P(Events, TheEndOfAnEstablishedConnectionIsReportedOnce) {
    auto const flow = scene().establish(client_packet(1234));
    EXPECT_EQ(after(flow.from_client(fin | ack)), Types{});
    EXPECT_EQ(after(flow.from_backend(fin | ack)), Types{PM_EVENT_CLOSED});
    EXPECT_EQ(after(flow.from_client(ack)), Types{});
    EXPECT_EQ(after(flow.from_client(rst)), Types{});
}

TEST_P(Events, ASynAnsweredByRstIsRefused) {
    auto const flow = scene().open(client_packet(1234));
    EXPECT_EQ(after(flow.from_backend(rst | ack)), Types{PM_EVENT_REFUSED});
    EXPECT_EQ(after(flow.from_backend(rst | ack)), Types{});
}

TEST_P(Events, ARepeatedSynIsUnanswered) {
    (void)scene().open(client_packet(1234));
    EXPECT_EQ(after(client_packet(1234)), Types{PM_EVENT_UNANSWERED});
}

TEST_P(Events, ARepeatedSynAfterTheAnswerIsNotUnanswered) {
    auto const flow = scene().open(client_packet(1234));
    (void)scene().send(flow.from_backend(syn | ack));
    EXPECT_EQ(after(client_packet(1234)), Types{});
}

TEST_P(Events, ARstOfTheBackendOnAnEstablishedFlowIsAborted) {
    auto const flow = scene().establish(client_packet(1234));
    EXPECT_EQ(after(flow.from_backend(rst)), (Types{PM_EVENT_ABORTED, PM_EVENT_CLOSED}));
}

TEST_P(Events, ARstOfTheClientIsNoEvidenceAgainstTheBackend) {
    auto const flow = scene().establish(client_packet(1234));
    EXPECT_EQ(after(flow.from_client(rst)), Types{PM_EVENT_CLOSED});
}

TEST_P(Events, AFlowThatLosesItsBackendIsCutOnce) {
    auto const flow = scene().establish_at(2);
    world().measure(2, MeasuredState::down);
    scene().publish();
    EXPECT_EQ(after(flow.from_client(ack)), Types{PM_EVENT_CUT});
    EXPECT_EQ(after(flow.from_client(ack)), Types{});
    EXPECT_EQ(after(flow.from_backend(ack)), Types{});
}

TEST_P(Events, AFlowThatMovesIsRehashedOnce) {
    begin(web_world(Protocol::tcp, 3, OnDown::rehash));
    auto const flow = scene().establish_at(2);
    world().measure(2, MeasuredState::down);
    scene().publish();
    EXPECT_EQ(after(flow.from_client(ack)), Types{PM_EVENT_REHASHED});
    EXPECT_EQ(after(flow.from_client(ack)), Types{});
}

TEST_P(Events, AFlowThatCannotMoveIsNotRehashed) {
    begin(web_world(Protocol::tcp, 3, OnDown::rehash));
    auto const flow = scene().establish_at(2);
    for (unsigned number = 1; number <= 3; ++number)
        world().measure(number, MeasuredState::down);
    scene().publish();
    EXPECT_EQ(after(flow.from_client(ack)), Types{});
    EXPECT_EQ(after(flow.from_client(ack)), Types{});
}

TEST_P(Events, ExhaustedPortsAreReportedAgainstNobodyElse) {
    Scene few{few_ports_datapath(), GetParam()};
    few.world = web_world(Protocol::tcp, 1);
    few.publish();
    for (std::uint16_t port = 1; port <= 4; ++port)
        (void)few.establish(client_packet(port));
    (void)few.events();
    (void)few.send(client_packet(5));
    auto const events = few.events();
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events.front().type, PM_EVENT_PORTS_EXHAUSTED);
}

TEST_P(Events, AStrayPacketAnsweredByRstIsNoEvidenceAgainstTheBackend) {
    begin(web_world(Protocol::tcp, 3, OnDown::rehash));
    auto const flow = scene().open(client_packet(1234, ack)); // of a connection that nobody here remembers
    EXPECT_EQ(after(flow.from_backend(rst)), Types{});
}

POINTSMAN_BOTH_HOOKS(Events);

} // namespace
} // namespace pointsman::test
