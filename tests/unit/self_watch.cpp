// How the daemon learns that it stood still, or that the clock was set.
#include "controller/plan/self_watch.hpp"

#include <gtest/gtest.h>

namespace pointsman {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

class SelfWatchTest : public testing::Test {
protected:
    SelfWatchTest() { EXPECT_TRUE(watch.look(clocks, clocks.steady).empty()); }

    /// So much time passes on all clocks.
    void pass(std::chrono::nanoseconds time) {
        clocks.steady += time;
        clocks.boot += time;
        clocks.wall += time;
    }

    std::vector<Alarm> look(std::chrono::nanoseconds late = 0ns) {
        return watch.look(clocks, clocks.steady - late);
    }

    ClockReading clocks{std::chrono::steady_clock::time_point{1h}, 1h, 500'000h};
    SelfWatch watch;
};

} // namespace

TEST_F(SelfWatchTest, TimeThatPassesIsNoNews) {
    pass(250ms);
    EXPECT_TRUE(look().empty());
    pass(10min);
    EXPECT_TRUE(look().empty());
}

TEST_F(SelfWatchTest, ABusyMachineIsNotSaidToStandStill) {
    pass(1200ms);
    EXPECT_TRUE(look(950ms).empty());
}

TEST_F(SelfWatchTest, APauseOfTheProcessIsToldWithItsLength) {
    pass(60s);
    auto const alarms = look(59'750ms);
    ASSERT_EQ(alarms.size(), 1U);
    EXPECT_EQ(alarms[0].because, "stood_still");
    EXPECT_EQ(alarms[0].amount, 59'750ms);
    EXPECT_TRUE(alarms[0].text.starts_with("this process stood still for 59.8 s: ")) << alarms[0].text;
}

TEST_F(SelfWatchTest, ASuspendedMachineStoodStillAndItsClockWasNotSet) {
    pass(250ms);
    clocks.boot += 8h;
    clocks.wall += 8h;
    auto const alarms = look();
    ASSERT_EQ(alarms.size(), 1U);
    EXPECT_EQ(alarms[0].because, "stood_still");
    EXPECT_EQ(alarms[0].amount, milliseconds{8h});
    EXPECT_TRUE(alarms[0].text.starts_with("this machine was suspended for 28800.0 s: ")) << alarms[0].text;
}

TEST_F(SelfWatchTest, AStepOfTheWallClockIsToldWithItsDirection) {
    pass(250ms);
    clocks.wall += 365 * 24h;
    auto alarms = look();
    ASSERT_EQ(alarms.size(), 1U);
    EXPECT_EQ(alarms[0].because, "clock_step");
    EXPECT_EQ(alarms[0].amount, milliseconds{365 * 24h});
    EXPECT_TRUE(alarms[0].text.starts_with("the wall clock was set forward by 31536000.0 s: "))
        << alarms[0].text;

    pass(250ms);
    clocks.wall -= 2s;
    alarms = look();
    ASSERT_EQ(alarms.size(), 1U);
    EXPECT_EQ(alarms[0].amount, -2s);
    EXPECT_TRUE(alarms[0].text.starts_with("the wall clock was set back by 2.0 s: ")) << alarms[0].text;
    pass(250ms);
    EXPECT_TRUE(look().empty());
}

TEST_F(SelfWatchTest, AStepWhileTheProcessStoodStillIsToldBesides) {
    pass(30s);
    clocks.wall -= 24h;
    auto const alarms = look(29s);
    ASSERT_EQ(alarms.size(), 2U);
    EXPECT_EQ(alarms[0].because, "stood_still");
    EXPECT_EQ(alarms[1].amount, -24h);
}

} // namespace pointsman
