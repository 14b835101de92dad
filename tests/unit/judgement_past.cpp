// What a process tells its successor about the backends' past.
#include "tests/unit/judgement.hpp"

namespace pointsman {

using enum MeasuredState;

namespace {

struct JudgementPast : JudgementTest {
    /// Another process, `later` on, that knows what this one told.
    void restart(Duration later) {
        auto const told = clock;
        auto const pasts = judgement.pasts(told);
        judgement = Judgement{};
        judgement.assign(desired);
        for (auto const& [key, past] : pasts)
            judgement.remember(key, past, told);
        clock += later;
    }
    /// Likewise, and no probe has ended yet.
    void cold_start(Duration later) {
        measured.clear();
        restart(later);
    }
    std::optional<Past> past_of(std::string const& backend) {
        return judgement.past_of({"web", backend}, clock);
    }
};

} // namespace

TEST_F(JudgementPast, OfABackendThatBehavedIsNothing) {
    add_penalised_service(2);
    EXPECT_EQ(past_of("b1"), std::nullopt);
    EXPECT_EQ(past_of("unknown"), std::nullopt);
    flap("b1", 1);
    EXPECT_EQ(past_of("b1"), (Past{.penalty = 1000}));
    clock += 30s;
    EXPECT_EQ(past_of("b1"), (Past{.penalty = 500}));
    clock += 10 * 30s;
    EXPECT_EQ(past_of("b1"), std::nullopt) << "forgotten";
}

TEST_F(JudgementPast, ADampedBackendIsReleasedWhenItWouldHaveBeenWithoutTheRestart) {
    add_penalised_service(3);
    flap("b1", 3);
    auto const released = rule().next.value();
    clock += 20s;
    restart(10s);
    EXPECT_EQ(states(), "duu");
    EXPECT_EQ(ruling("b1").by, RuledBy::damped);
    clock = released - 1ms;
    EXPECT_EQ(states(), "duu");
    clock = released + 1us; // the penalty is rounded once more
    EXPECT_EQ(states(), "uuu");
}

TEST_F(JudgementPast, FallsBeforeAndAfterARestartAddUp) {
    add_penalised_service(3);
    flap("b1", 2);
    restart(1ms);
    EXPECT_EQ(states(), "uuu");
    flap("b1", 1);
    EXPECT_EQ(states(), "duu");
}

TEST_F(JudgementPast, AnEjectionGoesOnAndTheNextOneIsLonger) {
    add_service("web", 2);
    all_up();
    ASSERT_TRUE(judgement.eject({"web", "b1"}, clock));
    clock += 1s;
    restart(1s);
    EXPECT_EQ(ruling("b1").by, RuledBy::ejected);
    EXPECT_EQ(rule().next, clock + 3s);
    clock += 3s;
    EXPECT_EQ(states(), "uu");
    restart(1s);
    ASSERT_TRUE(judgement.eject({"web", "b1"}, clock));
    EXPECT_EQ(rule().next, clock + 10s);
}

TEST_F(JudgementPast, ASlowStartGoesOn) {
    slow_start = 9s;
    add_service("web", 3);
    all_up();
    set("b1", down, false);
    (void)rule();
    set("b1", up);
    EXPECT_EQ(ruling("b1").ramp, 1U);
    clock += 3s;
    auto const ramp = ruling("b1").ramp;
    restart(0s);
    EXPECT_EQ(ruling("b1").ramp, ramp);
    clock += 6s;
    EXPECT_EQ(ruling("b1").ramp, full_ramp);
}

TEST_F(JudgementPast, ADampedBackendIsKeptOutBeforeItsFirstProbe) {
    add_penalised_service(3);
    flap("b1", 3);
    cold_start(1s);
    EXPECT_EQ(states(), "d--");
    EXPECT_EQ(ruling("b1").by, RuledBy::damped);
    all_up();
    EXPECT_EQ(states(), "duu");
}

TEST_F(JudgementPast, AnEjectedBackendIsKeptOutBeforeItsFirstProbe) {
    add_service("web", 2);
    all_up();
    ASSERT_TRUE(judgement.eject({"web", "b1"}, clock));
    (void)rule();
    cold_start(1s);
    EXPECT_EQ(states(), "d-");
    EXPECT_EQ(ruling("b1").by, RuledBy::ejected);
    set("b1", up);
    EXPECT_EQ(states(), "d-");
    clock += 4s;
    EXPECT_EQ(states(), "u-");
}

TEST_F(JudgementPast, HoldsWhileTheOthersAreUnknownUntilTooFewOfThemAreUp) {
    add_penalised_service(2);
    flap("b1", 3);
    cold_start(1s);
    set("b1", up);
    EXPECT_EQ(states(), "d-") << "b2 may be up";
    EXPECT_EQ(ruling("b1").by, RuledBy::damped);
    set("b2", up);
    EXPECT_EQ(states(), "du");
    cold_start(1s);
    set("b1", up);
    set("b2", down, false);
    EXPECT_EQ(states(), "ud") << "the last healthy one";
}

TEST_F(JudgementPast, HoldsWhereBackendsCountAsUpUntilTheyAreProbed) {
    add_penalised_service(2);
    flap("b1", 3);
    cold_start(1s);
    measured = {{{"web", "b1"}, up}, {{"web", "b2"}, up}}; // init = "up"
    EXPECT_EQ(states(), "du");
}

TEST_F(JudgementPast, ABackendThatCannotBeProbedIsNotWaitedForForEver) {
    add_penalised_service(2);
    flap("b1", 3);
    cold_start(1s);
    set("b1", up);
    auto const longest = Judgement::first_probes + desired.services[0].backends[1].check->policy.timeout;
    EXPECT_EQ(rule().next, clock + longest);
    clock += longest - 1ms;
    EXPECT_EQ(states(), "d-");
    clock += 1ms;
    EXPECT_EQ(states(), "u-");
}

TEST_F(JudgementPast, ABackendInMaintenanceIsNotWaitedFor) {
    add_penalised_service(2);
    flap("b1", 3);
    admin[{"web", "b2"}] = AdminState::maint;
    cold_start(1s);
    EXPECT_EQ(states(), "--");
    set("b1", up);
    EXPECT_EQ(states(), "u-");
}

TEST_F(JudgementPast, OneThatWasNeededInSpiteOfARuleIsNeededUntilAnotherIsUp) {
    add_penalised_service(2);
    flap("b1", 3);
    EXPECT_FALSE(past_of("b1").value().needed);
    set("b2", down, false);
    EXPECT_EQ(states(), "ud");
    EXPECT_TRUE(past_of("b1").value().needed);
    EXPECT_FALSE(past_of("b2").value().needed) << "down by its probes";
    cold_start(1s);
    EXPECT_EQ(states(), "--");
    EXPECT_TRUE(past_of("b1").value().needed) << "a daemon that is stopped before its first probe";
    set("b1", up);
    EXPECT_EQ(states(), "u-");
    set("b2", up);
    EXPECT_EQ(states(), "du");
    EXPECT_FALSE(past_of("b1").value().needed);
}

TEST_F(JudgementPast, AFallThatMayBeOurOwnFaultWaitsOn) {
    add_penalised_service(3);
    for (auto const* each : {"b1", "b2", "b3"})
        set(each, down);
    EXPECT_EQ(states(), "uuu");
    auto const ends = clock + Judgement::hold_time;
    clock += 500ms;
    restart(500ms);
    EXPECT_EQ(states(), "uuu");
    EXPECT_EQ(ruling("b1").by, RuledBy::held);
    EXPECT_EQ(rule().next, ends);
    restart(100ms);
    set("b1", up);
    EXPECT_EQ(ruling("b1").by, RuledBy::probes);
    clock = ends;
    EXPECT_EQ(states(), "udd");
    EXPECT_EQ(judgement.penalty_of({"web", "b1"}, clock), 0);
    EXPECT_EQ(judgement.penalty_of({"web", "b2"}, clock), 1000);
    EXPECT_EQ(past_of("b2").value().held_for, std::nullopt);
}

TEST_F(JudgementPast, ABackendThatWorkedBeforeTheRestartIsSparedBehindALinkThatIsDeadSince) {
    add_service("web", 2);
    all_up();
    std::set<BackendKey> const behind{{"web", "b1"}};
    judgement.cut_off(behind, clock);
    restart(1s);
    judgement.cut_off(behind, clock); // before the first ruling
    EXPECT_EQ(states(), "uu");
    set("b1", down);
    EXPECT_EQ(states(), "uu");
    EXPECT_EQ(ruling("b1").by, RuledBy::held);
}

TEST_F(JudgementPast, AFallBehindADeadLinkOfOursWaitsOnUntilTheLinkIsBack) {
    add_service("web", 2);
    all_up();
    std::set<BackendKey> const behind{{"web", "b1"}};
    judgement.cut_off(behind, clock);
    set("b1", down);
    EXPECT_EQ(states(), "uu");
    restart(1s);
    judgement.cut_off(behind, clock);
    clock += 1h;
    EXPECT_EQ(states(), "uu");
    EXPECT_EQ(ruling("b1").by, RuledBy::held);
    restart(1s); // and the link is back
    EXPECT_EQ(states(), "uu");
    clock = rule().next.value();
    EXPECT_EQ(states(), "du") << "there was time for a probe";
}

} // namespace pointsman
