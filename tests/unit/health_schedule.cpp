#include "healthcheck/schedule.hpp"

#include <gtest/gtest.h>

namespace pointsman {

namespace {

using namespace std::chrono_literals;
using TimePoint = std::chrono::steady_clock::time_point;
using enum MeasuredState;

constexpr double almost_one = 0.999999999;
constexpr HealthPolicy policy{
    .interval = 1s, .fast_interval = 25ms, .down_interval = 2s, .timeout = 500ms, .rise = 2, .fall = 3};

} // namespace

TEST(Schedule, JitterStaysWithinTenPercent) {
    EXPECT_EQ(jittered(1s, 0.0), 900ms);
    EXPECT_EQ(jittered(1s, 0.5), 1s);
    EXPECT_LT(jittered(1s, almost_one), 1100ms);
    EXPECT_GT(jittered(1s, almost_one), 1099ms);
}

TEST(Schedule, JittersTheSteadyAndTheDownInterval) {
    EXPECT_EQ(next_delay({.state = up, .passed_in_row = 1}, policy, 0.0), 900ms);
    EXPECT_EQ(next_delay({.state = down, .failed_in_row = 3}, policy, 0.0), 1800ms);
}

TEST(Schedule, NeverJittersTheFastInterval) {
    for (double const random : {0.0, 0.3, almost_one}) {
        EXPECT_EQ(next_delay({.state = up, .failed_in_row = 1}, policy, random), 25ms);
        EXPECT_EQ(next_delay({.state = up, .suspect = true}, policy, random), 25ms);
        EXPECT_EQ(next_delay({.state = down, .passed_in_row = 1}, policy, random), 25ms);
        EXPECT_EQ(next_delay({.state = up, .failed_in_row = 1, .hurried = true}, policy, random), 5ms);
    }
}

class ReplacedProbe : public testing::Test {
protected:
    [[nodiscard]] bool replaced() const { return replaces_probe(handshake, last, now, state, replacing); }

    HealthPolicy replacing{.interval = 1s, .passive = Passive::replace};
    HealthState state{.state = up, .passed_in_row = 5};
    TimePoint last{10s};
    TimePoint handshake{10s + 900ms};
    TimePoint now{11s};
};

TEST_F(ReplacedProbe, AHandshakeSinceTheLastProbeTakesItsPlace) {
    EXPECT_TRUE(replaced());
}

TEST_F(ReplacedProbe, NotWithoutTheWishForIt) {
    for (auto const other : {Passive::probe, Passive::eject, Passive::off}) {
        replacing.passive = other;
        EXPECT_FALSE(replaced());
    }
}

TEST_F(ReplacedProbe, OneHandshakeTakesThePlaceOfOneProbe) {
    last = handshake;
    EXPECT_FALSE(replaced());
}

TEST_F(ReplacedProbe, NotByAHandshakeThatIsAnIntervalOld) {
    now = handshake + 1s;
    EXPECT_FALSE(replaced());
}

TEST_F(ReplacedProbe, NotWhileTheBackendIsDownOrInDoubt) {
    for (HealthState const doubtful :
         {HealthState{}, HealthState{.state = down}, HealthState{.state = draining},
          HealthState{.state = up, .failed_in_row = 1}, HealthState{.state = up, .suspect = true},
          HealthState{.state = up, .history = 2}}) {
        state = doubtful;
        EXPECT_FALSE(replaced());
    }
}

TEST(Schedule, StartsUpToEightTargetsAtOnce) {
    for (std::size_t i = 0; i < 8; ++i)
        EXPECT_EQ(first_delay(i, 8, 1s), 0s);
}

TEST(Schedule, SpreadsTheFirstProbesOfMoreTargetsOver200Milliseconds) {
    EXPECT_EQ(first_delay(0, 10, 1s), 0ms);
    EXPECT_EQ(first_delay(5, 10, 1s), 100ms);
    EXPECT_EQ(first_delay(9, 10, 1s), 180ms);
}

TEST(Schedule, SpreadsTheFirstProbesOverNoMoreThanOneInterval) {
    EXPECT_EQ(first_delay(5, 10, 50ms), 25ms);
}

TEST(Schedule, StartsVeryManyTargets50MicrosecondsApart) {
    EXPECT_EQ(first_delay(5'000, 10'000, 1s), 250ms);
    EXPECT_EQ(first_delay(50'000, 100'000, 1s), 500ms);
}

TEST(Schedule, SpreadsTheSecondProbesOfManyTargetsOverTheInterval) {
    EXPECT_EQ(second_delay(1s, 0.0), 1s);
    EXPECT_EQ(second_delay(1s, 0.5), 550ms);
    EXPECT_GT(second_delay(1s, almost_one), 99ms);
    EXPECT_FALSE(are_many(8));
    EXPECT_TRUE(are_many(9));
}

TEST(Schedule, OnlyAProbeThatJustStartedAnswersEvidence) {
    TimePoint const started{10s};
    EXPECT_TRUE(answers_evidence(started, started, policy));
    EXPECT_TRUE(answers_evidence(started, started + 12ms, policy));
    EXPECT_FALSE(answers_evidence(started, started + 13ms, policy));
}

TEST(Schedule, AProbeThatEndsNearItsDeadlineSpeaksOfTheBackend) {
    TimePoint const planned{10s};
    EXPECT_FALSE(stalled(planned, planned - 499ms, policy));
    EXPECT_FALSE(stalled(planned, planned, policy));
    EXPECT_FALSE(stalled(planned, planned + 250ms, policy));
}

TEST(Schedule, AProbeThatEndsLongAfterItsDeadlineSpeaksOfTheBalancer) {
    TimePoint const planned{10s};
    EXPECT_TRUE(stalled(planned, planned + 251ms, policy));
    EXPECT_TRUE(stalled(planned, planned + 1h, policy));
}

TEST(Schedule, AShortTimeoutIsAllowedAtLeast50MillisecondsOfLateness) {
    HealthPolicy const brief{.timeout = 10ms};
    TimePoint const planned{10s};
    EXPECT_FALSE(stalled(planned, planned + 50ms, brief));
    EXPECT_TRUE(stalled(planned, planned + 51ms, brief));
}

TEST(SharedMoment, IsTheNearestSixteenthOfTheIntervalWithFewTargets) {
    TimePoint const begin{};
    EXPECT_EQ(shared_moment(begin, 640ms, 1), begin);
    EXPECT_EQ(shared_moment(begin + 19ms, 640ms, 1), begin);
    EXPECT_EQ(shared_moment(begin + 20ms, 640ms, 1), begin + 40ms);
    EXPECT_EQ(shared_moment(begin + 40ms, 640ms, 1), begin + 40ms);
    EXPECT_EQ(shared_moment(begin + 41ms, 640ms, 128), begin + 40ms);
}

TEST(SharedMoment, IsCloserTheMoreTargetsThereAreSoThatSomeEightShareOne) {
    TimePoint const begin{};
    EXPECT_EQ(shared_moment(begin + 11ms, 640ms, 256), begin + 20ms);
    EXPECT_EQ(shared_moment(begin + 11ms, 640ms, 1000), begin + 10ms);
    EXPECT_EQ(shared_moment(begin + 3ms, 1024ms, 10'000), begin + 4ms);
    EXPECT_EQ(shared_moment(begin + 3ms, 1024ms, 1'000'000), begin + 4ms);
}

TEST(SharedMoment, IsNeverMoreThan32MillisecondsAway) {
    TimePoint const begin{};
    EXPECT_EQ(shared_moment(begin + 31ms, 1h, 1), begin);
    EXPECT_EQ(shared_moment(begin + 33ms, 1h, 1), begin + 64ms);
    EXPECT_EQ(shared_moment(begin + 1ms, 1h, 256), begin);
    EXPECT_EQ(shared_moment(begin + 31ms, 1h, 256), begin + 32ms);
}

namespace {

constexpr TimePoint t0{10s};
constexpr HealthState steady{.state = up, .passed_in_row = 1};
constexpr HealthState doubtful{.state = up, .passed_in_row = 1, .suspect = true};

Flights flights(std::size_t count, Duration newest) {
    return {.count = count, .in_line = false, .oldest = t0, .newest = t0 + newest};
}

} // namespace

TEST(Schedule, WithoutAProbeInFlightTheNextStartsWhenItIsDue) {
    EXPECT_EQ(next_start(steady, policy, {}, t0), t0);
    EXPECT_EQ(next_start(doubtful, policy, {}, t0), t0);
}

TEST(Schedule, ProbesOfASuspectOverlap) {
    EXPECT_EQ(next_start(doubtful, policy, flights(1, 0ms), t0 + 1h), t0 + 25ms);
    EXPECT_EQ(next_start(doubtful, policy, flights(2, 25ms), t0 + 1h), t0 + 50ms);
}

TEST(Schedule, NoMoreProbesOverlapThanAreMissingForTheVerdict) {
    EXPECT_EQ(next_start(doubtful, policy, flights(3, 50ms), t0), std::nullopt);
    auto const failed_once = HealthState{.state = up, .failed_in_row = 1, .suspect = true};
    EXPECT_EQ(next_start(failed_once, policy, flights(2, 50ms), t0), std::nullopt);
    EXPECT_NE(next_start(failed_once, policy, flights(1, 50ms), t0), std::nullopt);
}

TEST(Schedule, ARefusedClientIsNotKeptWaitingByProbesThatGetNoAnswer) {
    auto const refused = on_evidence(steady, Evidence::refused);
    EXPECT_EQ(next_start(refused, policy, flights(3, 50ms), t0), t0 + 75ms);
    auto const hurried = on_outcome(refused, OutcomeCode::L4CON, policy).state;
    EXPECT_EQ(next_start(hurried, policy, flights(3, 50ms), t0), t0 + 55ms);
    EXPECT_EQ(next_start(refused, policy, flights(8, 50ms), t0), std::nullopt);
}

TEST(Schedule, ARefusedClientIsNotKeptWaitingByASteadyProbeThatPassedJustBefore) {
    EXPECT_EQ(evidence_start(Evidence::general, t0, t0 - 1s, policy), t0 + 25ms);
    EXPECT_EQ(evidence_start(Evidence::refused, t0, t0 - 1s, policy), t0 + 5ms);
}

TEST(Schedule, RefusedClientsNeverAskForMoreThanTwoProbesInAFastInterval) {
    EXPECT_EQ(evidence_start(Evidence::refused, t0 + 5ms, t0, policy), t0 + 25ms);
    EXPECT_EQ(evidence_start(Evidence::refused, t0 + 25ms, t0 + 5ms, policy), t0 + 30ms);
}

TEST(Schedule, AtMostEightProbesOverlap) {
    HealthPolicy patient;
    patient.fall = 100;
    EXPECT_NE(next_start(doubtful, patient, flights(7, 0ms), t0), std::nullopt);
    EXPECT_EQ(next_start(doubtful, patient, flights(8, 0ms), t0), std::nullopt);
}

TEST(Schedule, AnUnansweredProbeOfAnUnsuspectedBackendIsADoubtAfterAQuarterOfItsTimeout) {
    EXPECT_EQ(next_start(steady, policy, flights(1, 0ms), t0), t0 + 125ms);
    EXPECT_EQ(next_start(steady, policy, flights(2, 125ms), t0), t0 + 150ms);
}

TEST(Schedule, ProbesOfABackendThatIsDownOrUnknownDoNotOverlap) {
    EXPECT_EQ(next_start({}, policy, flights(1, 0ms), t0), std::nullopt);
    EXPECT_EQ(next_start({.state = down, .failed_in_row = 3}, policy, flights(1, 0ms), t0), std::nullopt);
}

TEST(Schedule, NoProbeOvertakesOneThatWaitsForItsTurn) {
    auto waiting = flights(1, 0ms);
    waiting.in_line = true;
    EXPECT_EQ(next_start(doubtful, policy, waiting, t0), std::nullopt);
}

TEST(Schedule, AResultThatALaterProbeContradictedIsStale) {
    NewestStarts const later_failed{.passed = {}, .failed = t0};
    EXPECT_TRUE(is_stale(later_failed, t0 - 1ms, true, policy));
    EXPECT_FALSE(is_stale(later_failed, t0 + 1ms, true, policy));
    EXPECT_FALSE(is_stale(later_failed, t0 - 1ms, false, policy));
    NewestStarts const later_passed{.passed = t0, .failed = {}};
    EXPECT_TRUE(is_stale(later_passed, t0 - 1ms, false, policy));
    EXPECT_FALSE(is_stale(later_passed, t0 + 1ms, false, policy));
}

TEST(Schedule, UnderAWindowALateFailureIsALossAllTheSame) {
    auto windowed = policy;
    windowed.window = Window{3, 5};
    EXPECT_FALSE(is_stale({.passed = t0, .failed = {}}, t0 - 1ms, false, windowed));
}

TEST(Schedule, OneStallCannotEndEnoughOverlappingProbesForAVerdict) {
    EXPECT_FALSE(stalled(t0, t0 + 40ms, policy, true));
    EXPECT_TRUE(stalled(t0, t0 + 41ms, policy, true));
    for (Duration stall = 0ms; stall <= 400ms; stall += 5ms) {
        unsigned counted = 0; // of probes that had to end 25 ms apart, all ended by one stall
        for (Duration planned = 0ms; planned <= stall; planned += policy.fast_interval)
            counted += !stalled(t0 + planned, t0 + stall, policy, true);
        EXPECT_LT(counted, policy.fall) << stall.count();
    }
}

} // namespace pointsman
