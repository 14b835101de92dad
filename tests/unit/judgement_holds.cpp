// Falls that may be our own fault: correlated failures, our own link.
#include "tests/unit/judgement.hpp"

namespace pointsman {

using enum MeasuredState;

TEST_F(JudgementTest, WhenMostHostsFallSilentAtOnceTheirVerdictsWait) {
    add_service("web", 5);
    all_up();
    set("b1", down);
    set("b2", down);
    EXPECT_EQ(states(), "dduuu");
    clock += 100ms;
    set("b3", down);
    EXPECT_EQ(states(), "uuuuu") << "those that just fell are taken back";
    EXPECT_EQ(ruling("b1").by, RuledBy::held);
    EXPECT_EQ(alarms, std::vector<std::string>{"correlated_failures"});
    EXPECT_EQ(rule().next, clock + Judgement::hold_time);
}

TEST_F(JudgementTest, AHoldEndsAndThenTheProbesCountAgain) {
    add_service("web", 3);
    all_up();
    for (auto const* each : {"b1", "b2", "b3"})
        set(each, down);
    clock += Judgement::hold_time - 1ms;
    EXPECT_EQ(states(), "uuu");
    set("b1", up);
    clock += 1ms;
    EXPECT_EQ(states(), "udd");
}

TEST_F(JudgementTest, WhoAsksForMaintenanceHasAnsweredAndIsHeldNoMore) {
    add_service("web", 3);
    all_up();
    for (auto const* each : {"b1", "b2", "b3"})
        set(each, down);
    EXPECT_EQ(states(), "uuu");
    set("b1", resting);
    EXPECT_EQ(states(), "-uu");
    set("b1", down, false);
    EXPECT_EQ(states(), "duu");
}

TEST_F(JudgementTest, NoSecondHoldFollowsSoon) {
    add_service("web", 3);
    all_up();
    for (auto const* each : {"b1", "b2"})
        set(each, down);
    clock += Judgement::hold_time;
    for (auto const* each : {"b1", "b2"})
        set(each, up);
    (void)rule();
    clock += 10s;
    for (auto const* each : {"b1", "b2"})
        set(each, down);
    EXPECT_EQ(states(), "ddu");
    EXPECT_EQ(alarms.size(), 1U);
}

TEST_F(JudgementTest, RefusedConnectionsAreAnswersAndNeverHeldBack) {
    add_service("web", 5);
    all_up();
    for (auto const* each : {"b1", "b2", "b3", "b4"})
        set(each, down, false);
    EXPECT_EQ(states(), "ddddu");
    EXPECT_TRUE(alarms.empty());
}

TEST_F(JudgementTest, TwoHostsAreTooFewForAMajority) {
    add_service("web", 2);
    all_up();
    set("b1", down);
    set("b2", down);
    EXPECT_EQ(states(), "dd");
}

TEST_F(JudgementTest, AHostThatFellLongAgoIsNoPartOfAMajority) {
    add_service("web", 4);
    all_up();
    for (auto const* each : {"b1", "b2"}) {
        set(each, down);
        clock += 10s;
    }
    set("b3", down);
    EXPECT_EQ(states(), "dddu");
}

TEST_F(JudgementTest, AnswersOfHalfAreEnoughForTheVerdictsOfTheOthers) {
    add_service("web", 4);
    all_up();
    set("b1", down);
    set("b2", down);
    EXPECT_EQ(states(), "dduu");
}

TEST_F(JudgementTest, ManyServicesOnFewHostsAreFewHosts) {
    add_service("web", 2);
    add_service("api", 2);
    all_up();
    set("b1", down);
    set("b2", down);
    EXPECT_EQ(states(), "dd");
}

TEST_F(JudgementTest, ABackendThatOurOwnLinkCutsOffDoesNotFallHoweverLongItTakes) {
    add_service("web", 2);
    all_up();
    judgement.cut_off({{"web", "b1"}}, clock);
    set("b1", down);
    EXPECT_EQ(states(), "uu");
    EXPECT_EQ(ruling("b1").by, RuledBy::held);
    clock += 1h;
    EXPECT_EQ(states(), "uu");
}

TEST_F(JudgementTest, WhenTheLinkIsBackTheNextProbesDecide) {
    add_service("web", 2);
    all_up();
    judgement.cut_off({{"web", "b1"}, {"web", "b2"}}, clock);
    set("b1", down);
    set("b2", down);
    clock += 1min;
    judgement.cut_off({}, clock);
    clock += Judgement::hold_time + 1s;
    EXPECT_EQ(states(), "uu");
    set("b1", up);
    clock += 2s;
    EXPECT_EQ(states(), "ud");
}

TEST_F(JudgementTest, AFallJustBeforeTheLinkWasFoundDownIsTakenBack) {
    add_service("web", 2);
    all_up();
    set("b1", down);
    EXPECT_EQ(states(), "du");
    clock += 100ms;
    judgement.cut_off({{"web", "b1"}, {"web", "b2"}}, clock);
    EXPECT_EQ(states(), "uu");
}

TEST_F(JudgementTest, WhoWasDownBeforeTheLinkFailedStaysDown) {
    add_service("web", 2);
    all_up();
    set("b1", down);
    EXPECT_EQ(states(), "du");
    clock += 10s;
    judgement.cut_off({{"web", "b1"}, {"web", "b2"}}, clock);
    EXPECT_EQ(states(), "du");
    judgement.cut_off({}, clock);
    EXPECT_EQ(states(), "du");
}

} // namespace pointsman
