#include "tests/datapath/many_flows.hpp"

#include <cstring>
#include <iostream>

/// A million sessions, of which a backend that fails has a quarter: one store ends them, and touches no
/// other.

namespace pointsman::test {
namespace {

constexpr std::uint32_t flows = 1'000'000;
constexpr unsigned backends = 4;
constexpr unsigned dead = 2;
constexpr std::uint32_t sample = 97;

/// One session each, since answers do not pass here.
World dsr_world() {
    auto world = web_world(Protocol::tcp, backends);
    auto& service = world.service("web");
    service.forward = Forward::dsr;
    for (auto& backend : service.backends)
        backend.port = web_port;
    return world;
}

/// What the daemon's own counting says, by the tables of the moment.
struct Count {
    std::size_t valid_at_dead = 0;
    std::size_t valid_elsewhere = 0;
    std::size_t invalid = 0;
};

class AMillionSessions : public ::testing::Test {
protected:
    void SetUp() override {
        if (auto const why = why_not_here(); !why.empty()) GTEST_SKIP() << why;
        auto options = small_options();
        options.sessions = flows * 16 / 25; // of two sessions each: half of the places are taken
        datapath_ = std::make_unique<Datapath>(options);
        scene_ = std::make_unique<Scene>(*datapath_, Hook::xdp);
        scene_->world = dsr_world();
        scene_->publish();
        for (std::uint32_t flow = 0; flow < flows; ++flow)
            (void)send(flow, syn);
    }

    [[nodiscard]] Frame send(std::uint32_t flow, std::uint8_t flags) {
        auto frame = encode(packet_of(flow, flags));
        (void)run_program(datapath_->programs().fd(Hook::xdp), Hook::xdp, frame);
        return frame;
    }

    /// Whom a packet of every so many a flow is sent to, by the last octet of the MAC address.
    [[nodiscard]] std::vector<unsigned> addressees() {
        std::vector<unsigned> out;
        for (std::uint32_t flow = 0; flow < flows; flow += sample)
            out.push_back(send(flow, ack).at(5));
        return out;
    }

    [[nodiscard]] Switch& tables() { return datapath_->tables(); }

    [[nodiscard]] Count count() {
        auto const id = scene_->generation.find(BackendKey{"web", "b" + std::to_string(dead)})->id;
        auto const backends_now = tables().active_tables().backends;
        Count count;
        for (auto const& session : sessions_in(tables().active_sessions())) {
            auto const valid = backends_now[session.backend].incarnation == session.incarnation;
            auto const at_dead = static_cast<BackendId>(session.backend) == id;
            ++(!valid ? count.invalid : at_dead ? count.valid_at_dead : count.valid_elsewhere);
        }
        return count;
    }

    std::unique_ptr<Datapath> datapath_;
    std::unique_ptr<Scene> scene_;
};

TEST_F(AMillionSessions, OfABackendThatFailsAreInvalidAtItsCommitAndNoOtherIsTouched) {
    auto const reached = addressees();
    auto const before = count();
    EXPECT_GT(before.valid_at_dead + before.valid_elsewhere, flows * 999ULL / 1000);
    auto const table = tables().active_sessions();
    std::vector<pm_session_set> const as_it_was{table.begin(), table.end()};
    scene_->world.measure(dead, MeasuredState::down);
    auto const plan = scene_->world.plan(scene_->generation);
    ASSERT_EQ(tables().prepare(plan.next), "");

    auto const began = std::chrono::steady_clock::now();
    tables().commit(plan.next.number, false);
    auto const took = std::chrono::steady_clock::now() - began;

    auto const after = count();
    std::cout << before.valid_at_dead << " of " << before.valid_at_dead + before.valid_elsewhere
              << " sessions ended in " << std::chrono::nanoseconds{took}.count() << " ns\n";
    EXPECT_LE(took, std::chrono::milliseconds{1});
    EXPECT_EQ(after.valid_at_dead, 0U);
    EXPECT_EQ(after.invalid, before.valid_at_dead);
    EXPECT_EQ(after.valid_elsewhere, before.valid_elsewhere);
    EXPECT_EQ(std::memcmp(as_it_was.data(), table.data(), table.size_bytes()), 0) << "a session changed";

    auto const reached_now = addressees();
    for (std::size_t i = 0; i < reached.size(); ++i) // those of the dead one are answered by a RST
        EXPECT_EQ(reached_now[i], reached[i] == dead ? router_mac[5] : reached[i]) << "flow " << i * sample;
}

} // namespace
} // namespace pointsman::test
