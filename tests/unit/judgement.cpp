// The rules between probes and plan: damping, ejection, slow start.
#include "tests/unit/judgement.hpp"

#include <algorithm>

namespace pointsman {

using enum MeasuredState;

TEST_F(JudgementTest, WithoutRulesTheProbesDecide) {
    add_service("web", 2);
    EXPECT_EQ(states(), "--");
    all_up();
    set("b1", down, false);
    EXPECT_EQ(states(), "du");
    EXPECT_EQ(rule().next, std::nullopt);
}

TEST_F(JudgementTest, TheThirdFallInQuickSuccessionIsDamped) {
    add_penalised_service(3);
    flap("b1", 2);
    EXPECT_EQ(states(), "uuu");
    flap("b1", 1);
    EXPECT_EQ(states(), "duu");
    EXPECT_EQ(ruling("b1").by, RuledBy::damped);
}

TEST_F(JudgementTest, DampingEndsWhenThePenaltyHasDecayed) {
    add_penalised_service(3);
    flap("b1", 3);
    auto const released = rule().next.value();
    EXPECT_EQ(released, clock + 60s) << "3000 to 750 takes two half-lives";
    clock = released - 1ms;
    EXPECT_EQ(states(), "duu");
    clock = released;
    EXPECT_EQ(states(), "uuu");
}

TEST_F(JudgementTest, FallsFarApartAreNotDamped) {
    add_penalised_service(3);
    for (int i = 0; i < 20; ++i) {
        flap("b1", 1);
        clock += 60s;
    }
    EXPECT_EQ(states(), "uuu");
}

TEST_F(JudgementTest, ThePenaltyIsBoundedSoThatDampingEndsWithinThreeHalfLives) {
    add_penalised_service(3);
    flap("b1", 100);
    EXPECT_EQ(rule().next, clock + 90s);
}

TEST_F(JudgementTest, DampingNeverTakesAServiceBelowHalf) {
    add_penalised_service(4);
    for (auto const* each : {"b1", "b2", "b3", "b4"})
        flap(each, 3);
    EXPECT_EQ(std::ranges::count(states(), 'u'), 2);
    set("b4", down, false);
    set("b3", down, false);
    EXPECT_EQ(states(), "uudd") << "the last ones are needed";
}

TEST_F(JudgementTest, ANewBackendThatMayBeHealthyKeepsARuleInForceAndBeginsNone) {
    add_penalised_service(2);
    flap("b1", 3);
    add_backends(desired.services.front(), 1);
    EXPECT_EQ(states(), "du-");
    set("b2", down, false);
    set("b3", down, false);
    EXPECT_EQ(states(), "udd") << "needed";
    add_backends(desired.services.front(), 2);
    EXPECT_EQ(states(), "udd--");
    set("b4", up);
    set("b5", up);
    EXPECT_EQ(states(), "udduu");
    set("b2", up);
    EXPECT_EQ(states(), "duduu");
}

TEST_F(JudgementTest, ABackendWithoutACheckIsUpAndNeverDamped) {
    add_penalised_service(2);
    desired.services[0].backends[1].check.own().type = CheckType::none;
    judgement.assign(desired);
    measured.erase({"web", "b2"});
    flap("b1", 3);
    ASSERT_TRUE(judgement.eject({"web", "b2"}, clock));
    EXPECT_EQ(states(), "d-");
    EXPECT_EQ(ruling("b1").by, RuledBy::damped);
    EXPECT_EQ(ruling("b2").by, RuledBy::probes);
}

TEST_F(JudgementTest, WithoutDampingNothingIsPenalised) {
    add_service("web", 2);
    all_up();
    flap("b1", 50);
    EXPECT_EQ(states(), "uu");
    EXPECT_EQ(judgement.penalty_of({"web", "b1"}, clock), 0);
}

TEST_F(JudgementTest, AnEjectionLastsLongerEachTime) {
    add_service("web", 2);
    all_up();
    ASSERT_TRUE(judgement.eject({"web", "b1"}, clock));
    EXPECT_EQ(states(), "du");
    EXPECT_EQ(ruling("b1").by, RuledBy::ejected);
    EXPECT_FALSE(judgement.eject({"web", "b1"}, clock));
    EXPECT_EQ(rule().next, clock + 5s);
    clock += 5s;
    EXPECT_EQ(states(), "uu");
    ASSERT_TRUE(judgement.eject({"web", "b1"}, clock));
    EXPECT_EQ(rule().next, clock + 10s);
}

TEST_F(JudgementTest, AnEjectionNeverTakesTheLastHealthyBackend) {
    add_service("web", 2);
    all_up();
    set("b2", down, false);
    ASSERT_TRUE(judgement.eject({"web", "b1"}, clock));
    EXPECT_EQ(states(), "ud");
    admin[{"web", "b2"}] = AdminState::maint;
    EXPECT_EQ(states(), "ud");
}

TEST_F(JudgementTest, ABackendThatComesBackStartsSlowlyInTenSteps) {
    slow_start = 9s;
    add_service("web", 2);
    all_up();
    EXPECT_EQ(ruling("b1").ramp, full_ramp) << "not at the first start";
    flap("b1", 1);
    auto const began = clock;
    std::vector<unsigned> steps;
    for (auto now = rule(); now.next; clock = *now.next, now = rule())
        steps.push_back(now.of.at({"web", "b1"}).ramp);
    EXPECT_EQ(steps, (std::vector<unsigned>{1, 2, 3, 4, 5, 6, 7, 8, 9}));
    EXPECT_EQ(clock, began + 9s);
    EXPECT_EQ(ruling("b1").ramp, full_ramp);
}

TEST_F(JudgementTest, WhereAllAreStartingNobodyStartsSlowly) {
    slow_start = 9s;
    add_service("web", 2);
    all_up();
    set("b2", down, false);
    set("b1", down, false);
    (void)rule();
    set("b1", up);
    EXPECT_EQ(ruling("b1").ramp, full_ramp);
    set("b2", up);
    EXPECT_EQ(ruling("b2").ramp, 1U);
    set("b1", down, false);
    EXPECT_EQ(ruling("b2").ramp, full_ramp) << "alone now";
}

TEST_F(JudgementTest, ANewBackendOfAServiceThatRunsStartsSlowlyToo) {
    slow_start = 9s;
    add_service("web", 2);
    all_up();
    auto added = desired.services.front().backends.front();
    added.name = "b3";
    added.address = Address::v4(0x0a4d0009);
    desired.services.front().backends.push_back(added);
    judgement.assign(desired);
    set("b3", up);
    EXPECT_EQ(ruling("b3").ramp, 1U);
    EXPECT_EQ(ruling("b1").ramp, full_ramp);
}

TEST_F(JudgementTest, ABackendThatComesBackFromMaintenanceStartsSlowly) {
    slow_start = 9s;
    add_service("web", 2);
    all_up();
    measured.erase({"web", "b1"});
    judgement.rest({"web", "b1"});
    EXPECT_EQ(states(), "-u");
    set("b1", up);
    EXPECT_EQ(ruling("b1").ramp, 1U);
}

TEST_F(JudgementTest, AReloadKeepsThePastOfAnUnchangedBackend) {
    add_penalised_service(3);
    flap("b1", 3);
    judgement.assign(desired);
    EXPECT_EQ(states(), "duu");
    desired.services.front().backends.front().port = 81;
    judgement.assign(desired);
    EXPECT_EQ(states(), "uuu") << "another server";
}

TEST_F(JudgementTest, AHeldFallIsNoFallForPenaltyAndSlowStart) {
    half_life = 30s;
    slow_start = 9s;
    add_service("web", 3);
    all_up();
    set("b3", down);
    set("b2", down);
    (void)rule();
    set("b2", up);
    set("b3", up);
    EXPECT_EQ(judgement.penalty_of({"web", "b2"}, clock), 0);
    EXPECT_EQ(ruling("b2").ramp, full_ramp);
}

TEST_F(JudgementTest, AnUpdateOfOneServiceLeavesTheOthersAndSaysWhatChanged) {
    add_service("api", 2, 10);
    add_service("web", 3);
    Rulings rulings;
    EXPECT_EQ(judgement.update(rulings, nullptr, measured, admin, clock).size(), 5U) << "all are new";
    measured[{"api", "b1"}] = up;
    measured[{"web", "b2"}] = up;
    std::string const web = "web";
    auto const changed = judgement.update(rulings, &web, measured, admin, clock);
    ASSERT_EQ(changed.size(), 1U);
    EXPECT_EQ(changed.front().key, (BackendKey{"web", "b2"}));
    EXPECT_EQ(changed.front().was, Ruling{});
    EXPECT_EQ(changed.front().now, Ruling{up});
    EXPECT_EQ(rulings.of.at({"api", "b1"}), Ruling{});
    EXPECT_EQ(judgement.update(rulings, nullptr, measured, admin, clock).size(), 1U) << "that of api";
    EXPECT_EQ(rulings.of, rule().of);
}

TEST_F(JudgementTest, AnUpdateForgetsWhatIsNoLongerConfigured) {
    add_service("api", 1, 10);
    add_service("web", 3);
    add_service("zoo", 1, 20);
    Rulings rulings;
    (void)judgement.update(rulings, nullptr, measured, admin, clock);
    desired.services.erase(desired.services.begin() + 2);
    desired.services.erase(desired.services.begin());
    auto& web = desired.services.front().backends;
    web.erase(web.begin() + 1);
    judgement.assign(desired);
    EXPECT_TRUE(judgement.update(rulings, nullptr, measured, admin, clock).empty());
    EXPECT_EQ(rulings.of, (std::map<BackendKey, Ruling>{{{"web", "b1"}, {}}, {{"web", "b3"}, {}}}));
}

/// The first falls are ruled on alone, the third one damps.
TEST_F(JudgementTest, AVerdictOnOneBackendIsRuledOnAsItsWholeServiceIs) {
    add_penalised_service(4);
    auto rulings = rule();
    BackendKey const key{"web", "b2"};
    auto const find = [&](MeasuredState state) {
        set("b2", state, false);
        clock += 100ms;
        auto const changed = judgement.update(rulings, key, measured, admin, clock);
        EXPECT_EQ(rulings.of, rule().of);
        return changed;
    };
    auto const changed = find(MeasuredState::down);
    ASSERT_EQ(changed.size(), 1U);
    EXPECT_EQ(changed[0].key, key);
    EXPECT_EQ(changed[0].was->measured, MeasuredState::up);
    EXPECT_EQ(changed[0].now.measured, MeasuredState::down);
    EXPECT_TRUE(find(MeasuredState::down).empty()) << "nothing new";
    for (int fall = 1; fall < 3; ++fall) {
        EXPECT_EQ(find(MeasuredState::up).size(), 1U);
        find(MeasuredState::down);
    }
    EXPECT_TRUE(find(MeasuredState::up).size() <= 1U);
    EXPECT_EQ(rulings.of.at(key).by, RuledBy::damped);
}

} // namespace pointsman
