#include "tests/datapath/many_flows.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

/// Session swaps: no flow of a backend that survives is lost, whether it sends meanwhile or not.

namespace pointsman::test {
namespace {

constexpr std::uint32_t flows = 20'000;
constexpr unsigned swaps = 100;
constexpr unsigned flapping_backend = 4;

DatapathOptions options_for_all_flows() {
    auto options = small_options();
    options.sessions = 32768;
    return options;
}

class CarryOverSwaps : public ::testing::TestWithParam<Hook> {
protected:
    void SetUp() override {
        if (auto const why = why_not_here(); !why.empty()) GTEST_SKIP() << why;
        datapath_ = std::make_unique<Datapath>(options_for_all_flows());
        scene_ = std::make_unique<Scene>(*datapath_, GetParam());
        scene_->world = web_world(Protocol::tcp, flapping_backend);
        scene_->world.measure(flapping_backend, MeasuredState::down);
        scene_->publish();
        for (std::uint32_t i = 0; i < flows; ++i)
            flows_.push_back(scene_->establish(packet_of(i)));
        opened_ = pairs();
    }

    [[nodiscard]] std::vector<Pair> pairs() { return pairs_in(datapath_->tables().active_sessions(), flows); }

    /// A packet of the client on every other flow; the rest stay idle.
    void send_on_half_of_the_flows() {
        for (std::uint32_t i = 0; i < flows; i += 2)
            send_on(i);
    }
    void send_on(std::uint32_t flow) {
        auto frame = encode(flows_[flow].from_client(ack));
        (void)run_program(datapath_->programs().fd(GetParam()), GetParam(), frame);
    }

    /// A backend that has none of the flows goes up or down: Maglev would send a quarter of them elsewhere.
    void begin_swap(unsigned number) {
        scene_->world.measure(flapping_backend, number % 2 == 0 ? MeasuredState::up : MeasuredState::down);
        auto plan = scene_->world.plan(scene_->generation);
        datapath_->commit(plan.next, true);
        scene_->generation = plan.next;
    }
    [[nodiscard]] CarryOver finish_swap() { return datapath_->finish_swap(); }

    /// Every flow that had both sessions when it was opened has them now, unchanged.
    void expect_nothing_lost() {
        auto const now = pairs();
        std::uint32_t lost = 0;
        for (std::uint32_t i = 0; i < flows; ++i)
            lost += opened_[i].is_whole() &&
                    !(now[i].is_whole() && now[i].session.nat_port == opened_[i].session.nat_port &&
                      now[i].session.backend == opened_[i].session.backend);
        EXPECT_EQ(lost, 0U);
    }

    /// The same as packets see it, in both directions.
    void expect_flows_to_work() {
        std::uint32_t broken = 0;
        for (std::uint32_t i = 0; i < flows; ++i) {
            if (!opened_[i].is_whole()) continue;
            auto const request = flows_[i].from_client(ack);
            auto const reply = flows_[i].from_backend(ack);
            broken += decode(scene_->send(request).frame) != flows_[i].at_backend(request) ||
                      decode(scene_->send(reply).frame) != flows_[i].at_client(reply);
        }
        EXPECT_EQ(broken, 0U);
    }

    std::unique_ptr<Datapath> datapath_;
    std::unique_ptr<Scene> scene_;
    std::vector<Flow> flows_;
    std::vector<Pair> opened_;
};

TEST_P(CarryOverSwaps, ATableSizedForItsFlowsHasAPlaceForEachOfThem) {
    EXPECT_EQ(std::ranges::count_if(opened_, [](Pair const& pair) { return !pair.is_whole(); }), 0);
}

TEST_P(CarryOverSwaps, LoseNoFlowOverAHundredSwapsThoughHalfOfThemAreIdle) {
    std::uint64_t lost = 0;
    for (unsigned i = 0; i < swaps; ++i) {
        begin_swap(i);
        send_on_half_of_the_flows();
        lost += finish_swap().lost;
    }
    EXPECT_EQ(lost, 0U);
    expect_nothing_lost();
    expect_flows_to_work();
}

TEST_P(CarryOverSwaps, LoseNoFlowWhileAnotherCpuSends) {
    std::atomic<bool> done{false};
    std::uint64_t lost = 0;
    {
        std::jthread const writer{[&] {
            for (std::uint32_t i = 0; !done; i = (i + 2) % flows)
                send_on(i);
        }};
        for (unsigned i = 0; i < swaps; ++i) {
            begin_swap(i);
            lost += finish_swap().lost;
        }
        done = true;
    }
    EXPECT_EQ(lost, 0U);
    expect_nothing_lost();
    expect_flows_to_work();
}

TEST_P(CarryOverSwaps, DropTheSessionsOfTheBackendThatWentDown) {
    auto const of_the_dead =
        std::ranges::count_if(flows_, [](Flow const& flow) { return flow.backend() == 2; });
    scene_->world.measure(2, MeasuredState::down);
    ASSERT_TRUE(scene_->publish().cuts_sessions);
    auto const result = finish_swap();
    EXPECT_NEAR(static_cast<double>(result.dropped), 2.0 * static_cast<double>(of_the_dead), flows * 0.02);
    for (auto const& session : sessions_in(datapath_->tables().active_sessions()))
        EXPECT_NE(scene_->generation.find(static_cast<BackendId>(session.backend))->key.backend, "b2");
}

POINTSMAN_BOTH_HOOKS(CarryOverSwaps);

} // namespace
} // namespace pointsman::test
