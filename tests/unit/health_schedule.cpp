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

TEST(SharedMoment, IsLaterByA64thOfTheIntervalAtMost) {
    std::chrono::steady_clock::time_point const begin{};
    EXPECT_EQ(shared_moment(begin, 640ms), begin);
    EXPECT_EQ(shared_moment(begin + 1ns, 640ms), begin + 10ms);
    EXPECT_EQ(shared_moment(begin + 10ms, 640ms), begin + 10ms);
    EXPECT_EQ(shared_moment(begin + 11ms, 640ms), begin + 20ms);
}

TEST(SharedMoment, IsNeverMoreThan16MillisecondsLater) {
    std::chrono::steady_clock::time_point const begin{};
    EXPECT_EQ(shared_moment(begin + 1ns, 1h), begin + 16ms);
}

} // namespace pointsman
