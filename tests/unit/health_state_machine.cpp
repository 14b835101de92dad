#include "healthcheck/state_machine.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <limits>
#include <ostream>
#include <vector>

namespace pointsman {

static void PrintTo(HealthState const& state, std::ostream* out) {
    *out << "state " << static_cast<int>(state.state) << ", passed " << state.passed_in_row << ", failed "
         << state.failed_in_row << (state.suspect ? ", suspect" : "");
}

static void PrintTo(Step const& step, std::ostream* out) {
    PrintTo(step.state, out);
    if (step.transition)
        *out << ", from " << static_cast<int>(step.transition->was) << " to "
             << static_cast<int>(step.transition->now);
}

namespace {

using namespace std::chrono_literals;
using enum OutcomeCode;
using enum MeasuredState;

constexpr HealthPolicy policy{
    .interval = 1s, .fast_interval = 25ms, .down_interval = 2s, .timeout = 500ms, .rise = 2, .fall = 3};
constexpr HealthState fresh{};
constexpr HealthState up_state{.state = up, .passed_in_row = 1};
constexpr HealthState down_state{.state = down, .failed_in_row = 3};
constexpr Wishes drains{.state = AdminState::drain};
constexpr Wishes rests{.state = AdminState::maint};

/// The step that the last of some outcomes makes.
Step last_step(HealthState state, std::initializer_list<OutcomeCode> outcomes,
               HealthPolicy const& with = policy) {
    Step step{state, {}};
    for (auto const outcome : outcomes)
        step = on_outcome(step.state, outcome, with);
    return step;
}

HealthState after(HealthState state, std::initializer_list<OutcomeCode> outcomes) {
    return last_step(state, outcomes).state;
}

} // namespace

TEST(Health, TheFirstOutcomeDecidesAtOnce) {
    EXPECT_EQ(last_step(fresh, {L7OK}), (Step{{.state = up, .passed_in_row = 1}, Transition{unknown, up}}));
    EXPECT_EQ(last_step(fresh, {L4CON}),
              (Step{{.state = down, .failed_in_row = 1}, Transition{unknown, down}}));
}

TEST(Health, FallsOnTheThirdConsecutiveFailureAndNotBefore) {
    EXPECT_EQ(last_step(up_state, {L4TOUT}), (Step{{.state = up, .failed_in_row = 1}, {}}));
    EXPECT_EQ(last_step(up_state, {L4TOUT, L7STS}), (Step{{.state = up, .failed_in_row = 2}, {}}));
    EXPECT_EQ(last_step(up_state, {L4TOUT, L7STS, L4CON}),
              (Step{{.state = down, .failed_in_row = 3}, Transition{up, down}}));
}

TEST(Health, RisesOnTheSecondConsecutivePassAndNotBefore) {
    EXPECT_EQ(last_step(down_state, {L7OK}), (Step{{.state = down, .passed_in_row = 1}, {}}));
    EXPECT_EQ(last_step(down_state, {L7OK, L7OK}),
              (Step{{.state = up, .passed_in_row = 2}, Transition{down, up}}));
}

TEST(Health, CountsConsecutiveFailuresNotCumulativeOnes) {
    EXPECT_EQ(last_step(up_state, {L4CON, L4CON, L4OK, L4CON, L4CON}),
              (Step{{.state = up, .failed_in_row = 2}, {}}));
}

TEST(Health, CountsConsecutivePassesNotCumulativeOnes) {
    EXPECT_EQ(last_step(down_state, {L4OK, L4CON, L4OK}), (Step{{.state = down, .passed_in_row = 1}, {}}));
}

TEST(Health, MovesAtOnceWhenRiseAndFallAreOne) {
    HealthPolicy const hasty{.rise = 1, .fall = 1};
    EXPECT_EQ(last_step(up_state, {L7TOUT}, hasty),
              (Step{{.state = down, .failed_in_row = 1}, Transition{up, down}}));
    EXPECT_EQ(last_step(down_state, {L4OK}, hasty),
              (Step{{.state = up, .passed_in_row = 1}, Transition{down, up}}));
}

TEST(Health, ReportsATransitionOnceAndNotForEveryFurtherOutcome) {
    EXPECT_EQ(last_step(down_state, {L4CON}), (Step{{.state = down, .failed_in_row = 4}, {}}));
    EXPECT_EQ(last_step(up_state, {L4OK}), (Step{{.state = up, .passed_in_row = 2}, {}}));
}

TEST(Health, AFaultOfTheBalancerItselfChangesNothing) {
    for (auto const& state :
         {fresh, up_state, down_state, HealthState{.state = up, .failed_in_row = 2, .suspect = true}})
        EXPECT_EQ(on_outcome(state, OWN, policy), (Step{state, {}}));
    EXPECT_EQ(last_step(up_state, {L4CON, OWN, L4CON, OWN, OWN}),
              (Step{{.state = up, .failed_in_row = 2}, {}}));
}

TEST(Health, EveryFailingOutcomeCountsAlike) {
    for (auto const code : {L4CON, L4TOUT, L6RSP, L6TOUT, L7STS, L7RSP, L7TOUT})
        EXPECT_EQ(after(up_state, {code, code, code}), down_state) << name_of(code);
}

TEST(Health, CountersStayAtTheirMaximum) {
    constexpr auto maximum = std::numeric_limits<unsigned>::max();
    HealthState const old{.state = up, .passed_in_row = maximum};
    EXPECT_EQ(after(old, {L4OK}), old);
}

TEST(Health, EvidenceMakesOnlyABackendThatIsUpSuspect) {
    EXPECT_EQ(on_evidence(up_state), (HealthState{.state = up, .passed_in_row = 1, .suspect = true}));
    EXPECT_EQ(on_evidence(down_state), down_state);
    EXPECT_EQ(on_evidence(fresh), fresh);
}

TEST(Health, EvidenceAloneEjectsNobody) {
    auto state = up_state;
    for (int i = 0; i < 1000; ++i)
        state = on_evidence(state);
    EXPECT_EQ(state.state, up);
    EXPECT_EQ(after(state, {L4OK}), (HealthState{.state = up, .passed_in_row = 2}));
}

TEST(Health, SuspicionOutlastsFailedProbesUntilTheVerdict) {
    auto const suspect = on_evidence(up_state);
    EXPECT_EQ(after(suspect, {L4CON}), (HealthState{.state = up, .failed_in_row = 1, .suspect = true}));
    EXPECT_EQ(after(suspect, {L4CON, L4CON, L4CON}), down_state);
}

TEST(Health, ProbesAtTheIntervalWhileUpAndUnsuspected) {
    EXPECT_EQ(next_interval(up_state, policy), 1s);
}

TEST(Health, ProbesFastWhileSuspectOrFailing) {
    EXPECT_EQ(next_interval(on_evidence(up_state), policy), 25ms);
    EXPECT_EQ(next_interval(after(up_state, {L4CON}), policy), 25ms);
    EXPECT_EQ(next_interval(after(on_evidence(up_state), {L4OK}), policy), 1s);
}

TEST(Health, ProbesAtTheDownIntervalWhileDownAndFastOnceOneProbePassed) {
    EXPECT_EQ(next_interval(down_state, policy), 2s);
    EXPECT_EQ(next_interval(after(down_state, {L4OK}), policy), 25ms);
    EXPECT_EQ(next_interval(after(down_state, {L4OK, L4CON}), policy), 2s);
}

TEST(Health, TriesAgainFastWhileNothingIsKnown) {
    EXPECT_EQ(next_interval(fresh, policy), 25ms);
}

TEST(Health, AWindowCountsFailuresAmongTheNewestOutcomes) {
    auto windowed = policy;
    windowed.window = Window{3, 5};
    EXPECT_FALSE(last_step(up_state, {L4CON, L4OK, L4CON, L4OK, L4OK}, windowed).transition);
    EXPECT_EQ(last_step(up_state, {L4CON, L4OK, L4CON, L4OK, L4CON}, windowed).transition,
              (Transition{up, down}));
    EXPECT_FALSE(last_step(up_state, {L4CON, L4OK, L4CON, L4OK, L4OK, L4CON}, windowed).transition);
    EXPECT_EQ(last_step(up_state, {L4CON, L4CON, L4CON}, windowed).transition, (Transition{up, down}));
}

TEST(Health, AWindowBeginsAnewWithEachMove) {
    auto windowed = policy;
    windowed.window = Window{2, 5};
    auto const returned = last_step(up_state, {L4CON, L4CON, L4OK, L4OK}, windowed).state;
    EXPECT_EQ(returned, (HealthState{.state = up, .passed_in_row = 2}));
    EXPECT_FALSE(last_step(returned, {L4CON}, windowed).transition);
}

TEST(Health, ProbesFastWhileTheWindowHoldsAFailure) {
    auto windowed = policy;
    windowed.window = Window{2, 3};
    EXPECT_EQ(next_interval(last_step(up_state, {L4CON, L4OK, L4OK}, windowed).state, windowed), 25ms);
    EXPECT_EQ(next_interval(last_step(up_state, {L4CON, L4OK, L4OK, L4OK}, windowed).state, windowed), 1s);
}

TEST(Health, ARefusedClientAndARefusedProbeLeaveLittleToAsk) {
    auto const refused = on_evidence(up_state, Evidence::refused);
    EXPECT_EQ(next_interval(refused, policy), 25ms);
    EXPECT_EQ(next_interval(after(refused, {L4CON}), policy), 5ms);
    EXPECT_FALSE(last_step(refused, {L4CON, L4CON}).transition);
    EXPECT_TRUE(last_step(refused, {L4CON, L4CON, L4CON}).transition);
}

TEST(Health, AProbeThatADyingProcessCutOffLeavesLittleToAskEither) {
    auto const refused = on_evidence(up_state, Evidence::refused);
    EXPECT_EQ(next_interval(after(refused, {L7RSP}), policy), 5ms);
    EXPECT_EQ(next_interval(after(refused, {L7RSP, L4CON}), policy), 5ms);
    EXPECT_TRUE(last_step(refused, {L7RSP, L4CON, L4CON}).transition);
    EXPECT_EQ(next_interval(after(up_state, {L7RSP}), policy), 25ms);
}

TEST(Health, OnlyTheSameKindOfFailureHurries) {
    EXPECT_EQ(next_interval(after(on_evidence(up_state), {L4CON}), policy), 25ms);
    EXPECT_EQ(next_interval(after(on_evidence(up_state, Evidence::refused), {L7STS}), policy), 25ms);
    EXPECT_EQ(next_interval(after(up_state, {L4CON}), policy), 25ms);
}

TEST(Health, APassedProbeEndsTheHurry) {
    EXPECT_EQ(after(on_evidence(up_state, Evidence::refused), {L4CON, L4OK}),
              (HealthState{.state = up, .passed_in_row = 1}));
}

TEST(Health, AHurriedIntervalIsAtLeastAMillisecond) {
    EXPECT_EQ(hurried_interval(policy), 5ms);
    auto tight = policy;
    tight.fast_interval = 2ms;
    EXPECT_EQ(hurried_interval(tight), 1ms);
}

TEST(Health, ABackendThatAsksToDrainDoesSoAtOnceAndComesBackAtOnce) {
    auto const asked = on_outcome(up_state, L7OK, policy, drains);
    EXPECT_EQ(asked.transition, (Transition{up, draining}));
    EXPECT_EQ(on_outcome(asked.state, L7OK, policy).transition, (Transition{draining, up}));
    EXPECT_EQ(on_outcome(fresh, L7OK, policy, drains).transition, (Transition{unknown, draining}));
}

TEST(Health, ABackendThatIsDownWorksAgainBeforeItMayDrain) {
    auto const once = on_outcome(down_state, L7OK, policy, drains);
    EXPECT_FALSE(once.transition);
    EXPECT_EQ(on_outcome(once.state, L7OK, policy, drains).transition, (Transition{down, draining}));
}

TEST(Health, ABackendThatDrainsIsSuspectedAndFallsLikeAnyOther) {
    HealthState const drains{.state = draining, .passed_in_row = 1};
    EXPECT_EQ(next_interval(drains, policy), 1s);
    EXPECT_TRUE(on_evidence(drains).suspect);
    EXPECT_EQ(last_step(drains, {L4CON, L4CON, L4CON}).transition, (Transition{draining, down}));
}

TEST(Health, ABackendThatAsksForMaintenanceRestsAtOnceWhateverElseItSays) {
    for (auto const code : {L7OK, L7STS, L4CON})
        for (auto const& state : {fresh, up_state, down_state})
            EXPECT_EQ(on_outcome(state, code, policy, rests),
                      (Step{{.state = resting, .wishes = rests}, Transition{state.state, resting}}));
    auto const resting_state = on_outcome(up_state, L7OK, policy, rests).state;
    EXPECT_EQ(on_outcome(resting_state, L7OK, policy, rests), (Step{resting_state, {}}));
    EXPECT_EQ(next_interval(resting_state, policy), 1s);
    EXPECT_FALSE(on_evidence(resting_state).suspect);
}

TEST(Health, TheFirstOutcomeAfterMaintenanceDecidesAtOnce) {
    auto const rested = on_outcome(up_state, L7OK, policy, rests).state;
    EXPECT_EQ(on_outcome(rested, L7OK, policy).transition, (Transition{resting, up}));
    EXPECT_EQ(on_outcome(rested, L7STS, policy).transition, (Transition{resting, down}));
    EXPECT_EQ(on_outcome(rested, L7OK, policy, drains).transition, (Transition{resting, draining}));
    EXPECT_EQ(on_outcome(rested, OWN, policy), (Step{rested, {}}));
}

TEST(Health, WishesOutliveAChangeOfThePolicyAndRowsDoNot) {
    HealthState const state{.state = up, .failed_in_row = 2, .wishes = {.weight_percent = 30}};
    EXPECT_EQ(without_rows(state), (HealthState{.state = up, .wishes = {.weight_percent = 30}}));
}

TEST(Health, IsDecidedAtCompileTimeToo) {
    static_assert(on_outcome(HealthState{}, L4OK, HealthPolicy{}).state.state == up);
}

} // namespace pointsman
