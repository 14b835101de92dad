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
    std::optional<Past> past_of(std::string const& backend) {
        return judgement.past_of({"web", backend}, clock);
    }
};

} // namespace

TEST_F(JudgementPast, OfABackendThatBehavedIsNothing) {
    half_life = 30s;
    add_service("web", 2);
    all_up();
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
    half_life = 30s;
    add_service("web", 3);
    all_up();
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
    half_life = 30s;
    add_service("web", 3);
    all_up();
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

} // namespace pointsman
