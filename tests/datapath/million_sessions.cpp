#include "tests/datapath/many_flows.hpp"

#include "controller/datapath/session_table.hpp"

#include <arpa/inet.h>
#include <cstring>
#include <iostream>

/// A million sessions, of which a backend that fails has a quarter: one store ends them, and touches no other.

namespace pointsman::test {
namespace {

constexpr std::uint32_t flows = 1'000'000;
constexpr unsigned backends = 4;
constexpr unsigned dead = 2;
constexpr std::uint32_t sample = 97; ///< every so manieth flow is asked for by a packet

/// One session each, since answers do not pass here.
World dsr_world() {
    auto world = web_world(Protocol::tcp, backends);
    auto& service = world.service("web");
    service.forward = Forward::dsr;
    for (auto& backend : service.backends)
        backend.port = web_port;
    return world;
}

class AMillionSessions : public ::testing::Test {
protected:
    void SetUp() override {
        if (auto const why = why_not_here(); !why.empty()) GTEST_SKIP() << why;
        auto options = small_options();
        options.sessions = flows;
        datapath_ = std::make_unique<Datapath>(options);
        scene_ = std::make_unique<Scene>(*datapath_, Hook::xdp);
        scene_->world = dsr_world();
        scene_->publish();
        for (std::uint32_t flow = 0; flow < flows; ++flow)
            send(flow, syn);
    }

    Frame send(std::uint32_t flow, std::uint8_t flags) {
        auto frame = encode(packet_of(flow, flags));
        (void)run_program(datapath_->programs().fd(Hook::xdp), Hook::xdp, frame);
        return frame;
    }

    struct Count {
        std::size_t valid_elsewhere = 0;
        std::size_t valid_at_dead = 0;
        std::size_t invalid = 0;
    };
    [[nodiscard]] Count count(std::span<pm_backend const> backends_now, std::uint32_t dead_id) const {
        Count count;
        for (auto const& session : sessions_in(datapath_->tables().active_sessions()))
            ++(backends_now[session.backend].incarnation != session.incarnation ? count.invalid
               : session.backend == dead_id                                     ? count.valid_at_dead
                                                                                : count.valid_elsewhere);
        return count;
    }

    std::unique_ptr<Datapath> datapath_;
    std::unique_ptr<Scene> scene_;
};

TEST_F(AMillionSessions, OfABackendThatFailsAreInvalidAtItsCommitAndNoOtherIsTouched) {
    auto& tables = datapath_->tables();
    auto const dead_id =
        static_cast<std::uint32_t>(scene_->generation.find(BackendKey{"web", "b" + std::to_string(dead)})->id);
    auto const before = count(tables.active_tables().backends, dead_id);
    EXPECT_GT(before.valid_at_dead + before.valid_elsewhere, flows * 999ULL / 1000);
    auto const table = tables.active_sessions();
    std::vector<pm_session_set> const as_it_was{table.begin(), table.end()};

    scene_->world.measure(dead, MeasuredState::down);
    auto const plan = scene_->world.plan(scene_->generation);
    ASSERT_EQ(tables.prepare(plan.next), "");
    auto const began = std::chrono::steady_clock::now();
    tables.commit(plan.next.number, false);
    auto const took = std::chrono::steady_clock::now() - began;
    auto const after = count(tables.active_tables().backends, dead_id);

    std::cout << before.valid_at_dead << " of " << before.valid_at_dead + before.valid_elsewhere
              << " sessions ended in " << std::chrono::nanoseconds{took}.count() << " ns\n";
    EXPECT_LE(took, std::chrono::milliseconds{1});
    EXPECT_EQ(after.valid_at_dead, 0U);
    EXPECT_EQ(after.invalid, before.valid_at_dead);
    EXPECT_EQ(after.valid_elsewhere, before.valid_elsewhere);
    EXPECT_EQ(std::memcmp(as_it_was.data(), table.data(), table.size_bytes()), 0) << "a session changed";
}

TEST_F(AMillionSessions, AreSeenSoByPackets) {
    std::vector<std::uint8_t> backend_of;
    for (std::uint32_t flow = 0; flow < flows; flow += sample)
        backend_of.push_back(send(flow, ack).at(5));
    scene_->world.measure(dead, MeasuredState::down);
    datapath_->commit(scene_->world.plan(scene_->generation).next);
    for (std::uint32_t flow = 0; flow < flows; flow += sample) {
        auto const was = backend_of[flow / sample];
        auto const expected = was == dead ? router_mac : backend_mac(was); // a RST for the client
        EXPECT_TRUE(std::ranges::equal(std::span{send(flow, ack)}.first(6), expected)) << flow;
    }
}

} // namespace
} // namespace pointsman::test
