// What a plan makes of weights by order, slow starts and watermarks.
#include "controller/plan/plan.hpp"

#include <gtest/gtest.h>

namespace pointsman {
namespace {

class PlanAdjust : public testing::Test {
protected:
    PlanAdjust() {
        desired.services.resize(1);
        web().name = "web";
        web().address = Address::v4(0x0a4d0064);
        web().port_first = web().port_last = 80;
        for (std::uint32_t number : {1U, 2U}) {
            Backend backend;
            backend.name = "b" + std::to_string(number);
            backend.address = Address::v4(0x0a4d0001 + number);
            backend.port = 80;
            web().backends.push_back(backend);
            network.routes[backend.address] = {NextHop{2, {2, 0, 0, 0, 0, 9}, {2, 0, 0, 0, 0, 1}},
                                               Address::v4(0x0a4d0005)};
            measured[{"web", backend.name}] = MeasuredState::up;
        }
    }

    Service& web() { return desired.services.front(); }

    Plan publish(std::map<BackendKey, Adjustment> adjust = {}) {
        auto plan = plan_next({desired, measured, admin, network, std::move(adjust)}, current);
        current = plan.next;
        return plan;
    }

    bool announced() {
        (void)publish();
        return current.services.front().announce;
    }

    DesiredState desired;
    std::map<BackendKey, MeasuredState> measured;
    std::map<BackendKey, AdminState> admin;
    NetworkView network;
    Generation current;
};

} // namespace

TEST_F(PlanAdjust, AWeightByOrderTakesThePlaceOfTheConfiguredOne) {
    (void)publish();
    auto const plan = publish({{{"web", "b1"}, {.weight = 50}}});
    EXPECT_EQ(plan.changes, (std::vector<Change>{{Change::Kind::weight, {"web", "b1"}, "100", "50"}}));
    EXPECT_GT(plan.slots_moved, 0U);
    EXPECT_FALSE(plan.cuts_sessions);
}

TEST_F(PlanAdjust, AnAgentsPercentageIsAShareOfTheOrderedOrConfiguredWeight) {
    (void)publish();
    auto const plan = publish({{{"web", "b1"}, {.weight_percent = 50}}});
    EXPECT_EQ(plan.changes,
              (std::vector<Change>{{Change::Kind::weight, {"web", "b1"}, "100", "100, agent 50 %"}}));
    auto const half = publish({{{"web", "b1"}, {.weight = 50}}});
    EXPECT_EQ(half.slots_moved, 0U) << "the half of 100 is 50";
    auto const quarter = publish({{{"web", "b1"}, {.weight = 50, .weight_percent = 50}}});
    EXPECT_GT(quarter.slots_moved, 0U);
    EXPECT_FALSE(quarter.cuts_sessions);
}

TEST_F(PlanAdjust, APercentageMovesOnlyItsShareOfTheTable) {
    (void)publish();
    auto const plan = publish({{{"web", "b1"}, {.weight_percent = 50}}});
    EXPECT_NEAR(plan.slots_moved, maglev_size / 6.0, maglev_size / 60.0) << "from a half to a third";
}

TEST_F(PlanAdjust, ZeroPercentTakesNoNewFlowsAndKeepsSessions) {
    (void)publish();
    auto const plan = publish({{{"web", "b1"}, {.weight_percent = 0}}});
    auto const* b1 = plan.next.find(BackendKey{"web", "b1"});
    EXPECT_FALSE(b1->eligible);
    EXPECT_TRUE(b1->keeps_sessions);
    EXPECT_FALSE(plan.cuts_sessions);
}

TEST_F(PlanAdjust, NoAgentRaisesAWeightAboveTheLargestOne) {
    for (auto& backend : web().backends)
        backend.weight = largest_weight;
    (void)publish();
    EXPECT_EQ(publish({{{"web", "b1"}, {.weight_percent = 65535}}}).slots_moved, 0U);
}

TEST_F(PlanAdjust, WhoAsksForMaintenanceIsLeftByAllItsFlows) {
    (void)publish();
    measured[{"web", "b1"}] = MeasuredState::resting;
    auto const plan = publish();
    EXPECT_EQ(plan.changes, (std::vector<Change>{{Change::Kind::backend, {"web", "b1"}, "up", "maint"}}));
    EXPECT_TRUE(plan.cuts_sessions);
    admin[{"web", "b1"}] = AdminState::drain;
    EXPECT_EQ(publish().next.find(BackendKey{"web", "b1"})->state(), State::drain) << "an order goes first";
}

TEST_F(PlanAdjust, ASlowStartIsAStateAndAShareOfTheWeight) {
    (void)publish();
    auto const plan = publish({{{"web", "b1"}, {.ramp = 3}}});
    EXPECT_EQ(plan.changes,
              (std::vector<Change>{{Change::Kind::backend, {"web", "b1"}, "up", "starting"},
                                   {Change::Kind::weight, {"web", "b1"}, "100", "100 at 30 %"}}));
    EXPECT_FALSE(plan.cuts_sessions);
}

TEST_F(PlanAdjust, TheAddressIsAnnouncedBetweenTwoWatermarks) {
    web().healthy_low = 1;
    web().healthy_high = 2;
    EXPECT_TRUE(announced());
    measured[{"web", "b1"}] = MeasuredState::down;
    EXPECT_TRUE(announced());
    admin[{"web", "b2"}] = AdminState::drain;
    EXPECT_FALSE(announced());
    admin.clear();
    EXPECT_FALSE(announced());
    measured[{"web", "b1"}] = MeasuredState::up;
    EXPECT_EQ(publish().changes.front(), (Change{Change::Kind::announce, {"web", ""}, "off", "on"}));
}

} // namespace pointsman
