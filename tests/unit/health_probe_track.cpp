#include "healthcheck/probe_track.hpp"

#include <gtest/gtest.h>

namespace pointsman {
namespace {

using namespace std::chrono_literals;
using enum MeasuredState;
using enum OutcomeCode;

constexpr HealthPolicy policy{.rise = 2, .fall = 3};

class Track : public testing::Test {
protected:
    /// A probe that timed out, or not, noticed so late after its deadline.
    ProbeTrack::Counted end(OutcomeCode code, Duration late = 0ms) {
        track.started(at += 1s);
        return track.conclude({at, code, {}, late}, policy, 0.5, 1);
    }
    std::string counted(std::initializer_list<Duration> lates) {
        std::string text;
        for (auto const late : lates)
            text += end(L7TOUT, late).counts ? 'c' : '-';
        return text;
    }

    ProbeTrack track{{.state = up}};
    ProbeTrack::TimePoint at{1h};
};

TEST_F(Track, ATimeoutThatWasNoticedLateSaysNothingAndAsksAgain) {
    EXPECT_TRUE(end(L7TOUT, 10ms).counts);
    EXPECT_FALSE(end(L7TOUT, 11ms).counts);
    EXPECT_EQ(track.state().failed_in_row, 1U);
    EXPECT_TRUE(track.state().suspect);
    EXPECT_EQ(track.next(policy, {}), at + policy.fast_interval);
    end(L7OK, -499ms);
    EXPECT_EQ(track.state(), (HealthState{.state = up, .passed_in_row = 1}));
}

TEST_F(Track, AMachineThatIsAlwaysLateFindsADeadBackendAllTheSame) {
    EXPECT_EQ(counted({50ms, 50ms, 50ms, 50ms, 50ms}), "---cc");
    EXPECT_EQ(end(L7TOUT, 50ms).transition, (Transition{up, down}));
}

TEST_F(Track, WhatLeavesNothingOpenEndsTheRowOfDoubts) {
    EXPECT_EQ(counted({50ms, 50ms, 0ms, 50ms, 50ms}), "--c--");
    EXPECT_EQ(end(OWN).transition, std::nullopt);
    EXPECT_EQ(counted({50ms}), "-");
    end(L7OK);
    EXPECT_EQ(counted({50ms, 50ms, 50ms}), "---");
}

TEST_F(Track, ARefusedClientIsFollowedUpSoonerThanOneThatHeardNothing) {
    end(L7OK);
    EXPECT_TRUE(track.ask(Evidence::general, policy, at + 1ms));
    EXPECT_EQ(track.next(policy, {}), at + policy.fast_interval);
    EXPECT_TRUE(track.ask(Evidence::refused, policy, at + 2ms));
    EXPECT_EQ(track.next(policy, {}), at + hurried_interval(policy));
}

TEST_F(Track, OnlyTimeoutsAreDoubtful) {
    EXPECT_TRUE(end(L4CON, 100ms).counts);
    EXPECT_TRUE(end(L7STS, 100ms).counts);
    EXPECT_TRUE(end(L7OK, 100ms).counts);
}

TEST_F(Track, TheFirstVerdictOfAllIsNoLateTimeoutEither) {
    track = ProbeTrack{{}};
    EXPECT_FALSE(end(L4TOUT, 50ms).counts);
    EXPECT_EQ(track.state(), HealthState{});
    EXPECT_EQ(end(L4TOUT).transition, (Transition{unknown, down}));
    EXPECT_TRUE(end(L4TOUT, 50ms).counts) << "it changes nothing any more";
}

} // namespace
} // namespace pointsman
