// The publisher on its loop and with the kernel's tables: when a change is committed.
#include "controller/app/publisher.hpp"
#include "tests/datapath/scene.hpp"

#include <boost/asio/post.hpp>
#include <cstring>
#include <set>
#include <utility>
#include <vector>

namespace asio = boost::asio;

namespace pointsman::test {
namespace {

template<typename Row>
bool same_octets(std::span<Row> a, std::span<Row> b) {
    return a.size_bytes() == b.size_bytes() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

/// Of what a verdict changes.
std::vector<std::byte> octets_of(TableHalf const& half) {
    std::vector<std::byte> octets;
    auto const add = [&octets](auto rows) {
        auto const bytes = std::as_bytes(rows);
        octets.insert(octets.end(), bytes.begin(), bytes.end());
    };
    add(half.services);
    add(half.backends);
    add(half.maglev);
    return octets;
}

class Publishing : public ::testing::Test {
protected:
    void SetUp() override {
        if (auto const why = why_not_here(); !why.empty()) GTEST_SKIP() << why;
        shared_datapath().reset();
        world = web_world(Protocol::tcp, 3, OnDown::reset);
        publisher.emplace(
            context, shared_datapath().tables(),
            PublisherCalls{
                .plan =
                    [this](Generation const& current, PlanScope const* only) {
                        looked_at_all.push_back(only == nullptr);
                        auto input = PlanInput{world.desired, world.measured, world.admin, world.network};
                        input.only = only;
                        return plan_next(input, current);
                    },
                .published = [this](Published const&) { story += "published "; },
                .unchanged = [this] { story += "unchanged "; },
                .refused = [this](std::string const&) { story += "refused "; },
                .carried = [](CarryOver const&) {}});
        publisher->mark_dirty();
        run_until_settled();
        looked_at_all.clear();
        story.clear();
    }

    void TearDown() override {
        if (publisher) publisher->stop();
    }

    /// Also waits for the helper thread, which is done when nothing is left to do.
    void run_until_settled() {
        context.restart();
        context.run();
    }

    [[nodiscard]] static std::uint32_t active() { return shared_datapath().tables().active(); }

    void fall(unsigned number) { world.measure(number, MeasuredState::down); }

    void verdict() {
        publisher->publish_now({{"web"}}, [this] { story += "told "; });
    }

    /// That looks at this backend only.
    void verdict_on(unsigned number, MeasuredState state) {
        world.measure(number, state);
        PlanScope const scope{{"web"}, std::set{BackendKey{"web", "b" + std::to_string(number)}}};
        publisher->publish_now(scope, [this] { story += "told "; });
    }

    /// As a first failed probe has it: what is measured stays as it is.
    void foresee(unsigned number, MeasuredState state) {
        auto const key = BackendKey{"web", "b" + std::to_string(number)};
        auto const measured = std::exchange(world.measured[key], state);
        publisher->foresee({{"web"}, std::set{key}});
        world.measured[key] = measured;
    }

    [[nodiscard]] static TableHalf idle_tables() {
        return shared_datapath().programs().tables((active() & PM_ACTIVE_TABLE_HALF) ? 0 : 1);
    }

    asio::io_context context;
    World world;
    std::optional<Publisher> publisher;
    std::vector<bool> looked_at_all; ///< by plan
    std::string story;
};

TEST_F(Publishing, AFallingBackendIsCommittedBeforeAnythingElseThatTheLoopHasQueued) {
    for (int i = 0; i < 3; ++i)
        asio::post(context, [this] { story += "probe "; });
    asio::post(context, [this] {
        auto const before = active();
        fall(1);
        verdict();
        EXPECT_NE(active(), before) << "packets see it when the call returns";
    });
    for (int i = 0; i < 3; ++i)
        asio::post(context, [this] { story += "probe "; });
    run_until_settled();
    EXPECT_EQ(story, "probe probe probe told published probe probe probe unchanged ");
    EXPECT_EQ(looked_at_all, (std::vector{false, true})) << "all services are looked at afterwards";
}

TEST_F(Publishing, AnythingElseWaitsForTheEndOfTheTurnAndIsPublishedTogether) {
    asio::post(context, [this] {
        auto const before = active();
        fall(1);
        publisher->mark_dirty();
        fall(2);
        publisher->mark_dirty();
        EXPECT_EQ(active(), before);
    });
    asio::post(context, [this] { story += "probe "; });
    run_until_settled();
    EXPECT_EQ(story, "probe published ");
    EXPECT_EQ(looked_at_all, std::vector{true});
}

TEST_F(Publishing, AVerdictDuringTheGracePeriodIsToldAtOnceAndPublishedAfterIt) {
    asio::post(context, [this] {
        fall(1);
        verdict();
        auto const before = active();
        fall(2);
        verdict();
        EXPECT_EQ(active(), before) << "packets may still read the idle half";
    });
    run_until_settled();
    EXPECT_EQ(story, "told published told published ");
    EXPECT_EQ(looked_at_all, (std::vector{false, true}));
}

TEST_F(Publishing, AVerdictWhileSomethingElseChangedHasAllServicesLookedAt) {
    asio::post(context, [this] {
        world.admin[{"web", "b2"}] = AdminState::drain;
        publisher->mark_dirty();
        fall(1);
        verdict();
        EXPECT_EQ(publisher->current().find(BackendKey{"web", "b2"})->state(), State::drain);
    });
    run_until_settled();
    EXPECT_EQ(story, "told published ");
    EXPECT_EQ(looked_at_all, std::vector{true});
}

TEST_F(Publishing, AVerdictThatChangesNothingIsToldAndLooksAtAllServices) {
    asio::post(context, [this] { verdict(); });
    run_until_settled();
    EXPECT_EQ(story, "told unchanged ");
    EXPECT_EQ(looked_at_all, (std::vector{false, true}));
}

/// Unknown and down read alike to packets, but a panic begins only once all were probed.
TEST_F(Publishing, WhatPacketsDoNotNoticeOfAVerdictIsKnownToTheNextOne) {
    world.desired.services[0].panic_threshold = 50;
    world.measured.erase({"web", "b2"});
    world.measured.erase({"web", "b3"});
    publisher->mark_dirty();
    run_until_settled();
    story.clear();
    asio::post(context, [this] {
        verdict_on(2, MeasuredState::down);
        EXPECT_EQ(story, "told ");
        verdict_on(3, MeasuredState::down);
        EXPECT_TRUE(publisher->current().services[0].panic);
    });
    run_until_settled();
}

TEST_F(Publishing, AfterARefusalAVerdictBringsWhatWasRefusedOfItsService) {
    asio::post(context, [this] {
        auto const kept = world.desired.services;
        world.desired.services[0].port_last = 65535; // more than there are slots
        verdict_on(1, MeasuredState::down);
        EXPECT_EQ(story, "told refused ");
        world.desired.services = kept;
        verdict_on(2, MeasuredState::down);
        EXPECT_EQ(publisher->current().find(BackendKey{"web", "b1"})->measured, MeasuredState::down);
    });
    run_until_settled();
}

TEST_F(Publishing, OncePacketsAreThroughTheIdleHalfSaysTheSameSoThatAVerdictWritesNoMoreThanItsOwnChange) {
    asio::post(context, [this] {
        fall(1);
        verdict();
    });
    run_until_settled();
    auto const& programs = shared_datapath().programs();
    auto const one = programs.tables(0);
    auto const other = programs.tables(1);
    EXPECT_TRUE(same_octets(one.slots, other.slots));
    EXPECT_TRUE(same_octets(one.services, other.services));
    EXPECT_TRUE(same_octets(one.maglev, other.maglev));
    EXPECT_TRUE(same_octets(one.backends, other.backends));
}

TEST_F(Publishing, WhatIsForeseenOfAVerdictIsNotSeenByPacketsAndStandsThereWhenTheVerdictComes) {
    std::vector<std::byte> foreseen;
    asio::post(context, [&] {
        auto const before = active();
        auto const in_force = octets_of(shared_datapath().tables().active_tables());
        foresee(1, MeasuredState::down);
        EXPECT_EQ(active(), before);
        EXPECT_TRUE(octets_of(shared_datapath().tables().active_tables()) == in_force);
        EXPECT_EQ(publisher->current().find(BackendKey{"web", "b1"})->measured, MeasuredState::up);
        foreseen = octets_of(idle_tables());
        EXPECT_TRUE(foreseen != in_force);
        verdict_on(1, MeasuredState::down);
        EXPECT_TRUE(octets_of(shared_datapath().tables().active_tables()) == foreseen);
    });
    run_until_settled();
    EXPECT_EQ(story, "told published unchanged ");
    EXPECT_EQ(looked_at_all, (std::vector{false, false, true}));
}

TEST_F(Publishing, WhatWasForeseenInVainLeavesNoTrace) {
    auto const incarnation = publisher->current().find(BackendKey{"web", "b1"})->incarnation;
    asio::post(context, [this] {
        foresee(1, MeasuredState::down);
        verdict_on(2, MeasuredState::down);
    });
    run_until_settled();
    auto const b1 = *publisher->current().find(BackendKey{"web", "b1"});
    auto const b2 = *publisher->current().find(BackendKey{"web", "b2"});
    auto const half = shared_datapath().tables().active_tables();
    EXPECT_EQ(half.backends[static_cast<std::size_t>(b1.id)].incarnation, incarnation);
    EXPECT_EQ(b1.measured, MeasuredState::up);
    EXPECT_EQ(b2.measured, MeasuredState::down);
    std::set<std::uint16_t> taking_flows;
    for (auto const& chunk : half.maglev)
        taking_flows.insert(std::begin(chunk.backend), std::end(chunk.backend));
    EXPECT_TRUE(taking_flows.contains(static_cast<std::uint16_t>(b1.id)));
    EXPECT_FALSE(taking_flows.contains(static_cast<std::uint16_t>(b2.id)));
    EXPECT_TRUE(same_octets(half.maglev, idle_tables().maglev));
}

TEST_F(Publishing, NothingIsForeseenWhilePacketsMayReadTheIdleHalfOrAllServicesAreToBeLookedAt) {
    asio::post(context, [this] {
        fall(1);
        verdict();
        auto const idle = octets_of(idle_tables());
        foresee(2, MeasuredState::down);
        EXPECT_TRUE(octets_of(idle_tables()) == idle);
    });
    run_until_settled();
    asio::post(context, [this] {
        auto const idle = octets_of(idle_tables());
        publisher->mark_dirty();
        foresee(2, MeasuredState::down);
        EXPECT_TRUE(octets_of(idle_tables()) == idle);
    });
    run_until_settled();
}

TEST_F(Publishing, ARefusedGenerationLeavesPacketsAndTheNextOneAlone) {
    asio::post(context, [this] {
        auto const before = active();
        auto const kept = world.desired.services;
        world.desired.services[0].port_last = 65535; // more than there are slots
        publisher->mark_dirty();
        verdict();
        EXPECT_EQ(active(), before);
        EXPECT_EQ(publisher->current().services[0].port_last, web_port);
        world.desired.services = kept;
        fall(1);
        verdict();
        EXPECT_NE(active(), before);
    });
    run_until_settled();
    EXPECT_EQ(story, "told refused told published unchanged ");
    auto const found = shared_datapath().tables().active_tables();
    auto const id = static_cast<std::size_t>(publisher->current().find(BackendKey{"web", "b2"})->id);
    EXPECT_EQ(found.backends[id].port, htons(backend_port(2)));
}

} // namespace
} // namespace pointsman::test
