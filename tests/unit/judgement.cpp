// The rules between probes and plan: correlated failures, damping, ejection, slow start.
#include "controller/plan/judgement.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace pointsman {
namespace {

using namespace std::chrono_literals;
using enum MeasuredState;

class JudgementTest : public testing::Test {
protected:
    void add_service(std::string const& name, unsigned backends, std::uint32_t first_host = 1) {
        Service service;
        service.name = name;
        service.slow_start = slow_start;
        for (unsigned i = 0; i < backends; ++i) {
            Backend backend;
            backend.name = "b" + std::to_string(i + 1);
            backend.address = Address::v4(0x0a4d0000 + first_host + i);
            backend.port = 80;
            backend.check.policy.damping = half_life;
            service.backends.push_back(backend);
        }
        desired.services.push_back(service);
        judgement.assign(desired);
    }

    void set(std::string const& backend, MeasuredState now, bool silent = true) {
        BackendKey const key{"web", backend};
        measured[key] = now;
        if (auto const alarm = judgement.note(key, {now, now == down, silent}, clock))
            alarms.push_back(alarm->because);
    }

    /// All backends of "web" are found up, as at the start.
    void all_up() {
        for (auto const& backend : desired.services.front().backends)
            set(backend.name, up);
        (void)rule();
    }

    Rulings rule() { return judgement.rule(measured, admin, clock); }
    Ruling ruling(std::string const& backend) { return rule().of.at({"web", backend}); }

    /// "u" up, "d" down, "-" other, one letter a backend of "web".
    std::string states() {
        std::string text;
        for (auto const& [key, ruled] : rule().of)
            if (key.service == "web") text += ruled.measured == up ? "u" : ruled.measured == down ? "d" : "-";
        return text;
    }

    void flap(std::string const& backend, unsigned times, bool silent = false) {
        for (unsigned i = 0; i < times; ++i) {
            set(backend, down, silent);
            (void)rule();
            set(backend, up);
            (void)rule();
        }
    }

    Duration slow_start{};
    Duration half_life{};
    DesiredState desired;
    std::map<BackendKey, MeasuredState> measured;
    std::map<BackendKey, AdminState> admin;
    std::vector<std::string> alarms;
    Judgement::TimePoint clock{1h};
    Judgement judgement;
};

} // namespace

TEST_F(JudgementTest, WithoutRulesTheProbesDecide) {
    add_service("web", 2);
    EXPECT_EQ(states(), "--");
    all_up();
    set("b1", down, false);
    EXPECT_EQ(states(), "du");
    EXPECT_EQ(rule().next, std::nullopt);
}

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

TEST_F(JudgementTest, ABackendBehindOurOwnDeadLinkIsHeld) {
    add_service("web", 2);
    all_up();
    set("b1", down);
    judgement.hold({"web", "b1"}, clock);
    EXPECT_EQ(states(), "uu");
    clock += Judgement::hold_time;
    EXPECT_EQ(states(), "du");
}

TEST_F(JudgementTest, TheThirdFallInQuickSuccessionIsDamped) {
    half_life = 30s;
    add_service("web", 3);
    all_up();
    flap("b1", 2);
    EXPECT_EQ(states(), "uuu");
    flap("b1", 1);
    EXPECT_EQ(states(), "duu");
    EXPECT_EQ(ruling("b1").by, RuledBy::damped);
}

TEST_F(JudgementTest, DampingEndsWhenThePenaltyHasDecayed) {
    half_life = 30s;
    add_service("web", 3);
    all_up();
    flap("b1", 3);
    auto const released = rule().next.value();
    EXPECT_EQ(released, clock + 60s) << "3000 to 750 takes two half-lives";
    clock = released - 1ms;
    EXPECT_EQ(states(), "duu");
    clock = released;
    EXPECT_EQ(states(), "uuu");
}

TEST_F(JudgementTest, FallsFarApartAreNotDamped) {
    half_life = 30s;
    add_service("web", 3);
    all_up();
    for (int i = 0; i < 20; ++i) {
        flap("b1", 1);
        clock += 60s;
    }
    EXPECT_EQ(states(), "uuu");
}

TEST_F(JudgementTest, ThePenaltyIsBoundedSoThatDampingEndsWithinThreeHalfLives) {
    half_life = 30s;
    add_service("web", 3);
    all_up();
    flap("b1", 100);
    EXPECT_EQ(rule().next, clock + 90s);
}

TEST_F(JudgementTest, DampingNeverTakesAServiceBelowHalf) {
    half_life = 30s;
    add_service("web", 4);
    all_up();
    for (auto const* each : {"b1", "b2", "b3", "b4"})
        flap(each, 3);
    EXPECT_EQ(std::ranges::count(states(), 'u'), 2);
    set("b4", down, false);
    set("b3", down, false);
    EXPECT_EQ(states(), "uudd") << "the last ones are needed";
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
    half_life = 30s;
    add_service("web", 3);
    all_up();
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

} // namespace pointsman
