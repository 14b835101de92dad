#include "controller/datapath/fragment_wait.hpp"

#include <gtest/gtest.h>

#include <set>

namespace pointsman {
namespace {

using namespace std::chrono_literals;
using TimePoint = FragmentWait::TimePoint;

constexpr TimePoint start{1h};

/// The conversation of the kernel with the daemon: what is handed over, and which first ones have come.
class Waiting {
public:
    bool take(std::uint32_t number, TimePoint came, TimePoint now) {
        HeldFragment fragment;
        fragment.key.identification = number;
        fragment.came = came;
        return wait.take(std::move(fragment), now);
    }
    bool take(std::uint32_t number, TimePoint now = start) { return take(number, now, now); }

    struct Released {
        std::uint32_t number;
        bool first_came;
        friend bool operator==(Released const&, Released const&) = default;
    };
    std::vector<Released> look(TimePoint now) {
        std::vector<Released> found;
        for (auto const& [fragment, came] : wait.look(now, [this](pm_fragment_key const& key) {
                 ++asked;
                 return first_ones.contains(key.identification);
             }))
            found.push_back({fragment.key.identification, came});
        return found;
    }

    FragmentWait wait;
    std::set<std::uint32_t> first_ones;
    unsigned asked = 0;
};

using All = std::vector<Waiting::Released>;

TEST(FragmentWait, AFragmentIsReleasedAtTheFirstLookAfterItsFirstOneCame) {
    Waiting waiting;
    EXPECT_TRUE(waiting.take(1));
    EXPECT_EQ(waiting.look(start), All{});
    waiting.first_ones = {1};
    EXPECT_EQ(waiting.wait.next_look(), start + 1ms);
    EXPECT_EQ(waiting.look(start + 1ms), (All{{1, true}}));
    EXPECT_EQ(waiting.wait.size(), 0U);
    EXPECT_EQ(waiting.wait.next_look(), std::nullopt);
}

TEST(FragmentWait, AFragmentWhoseFirstOneIsThereAlreadyDoesNotWait) {
    Waiting waiting;
    waiting.first_ones = {1};
    EXPECT_TRUE(waiting.take(1));
    EXPECT_EQ(waiting.wait.next_look(), start);
    EXPECT_EQ(waiting.look(start), (All{{1, true}}));
}

TEST(FragmentWait, LooksBecomeRarerAndEndWithTheWait) {
    Waiting waiting;
    EXPECT_TRUE(waiting.take(1));
    All released;
    auto now = start;
    while (auto const next = waiting.wait.next_look()) {
        now = *next;
        released = waiting.look(now);
    }
    EXPECT_EQ(released, (All{{1, false}}));
    EXPECT_EQ(now, start + FragmentWait::longest);
    EXPECT_EQ(waiting.asked, 10U); // after 0, 1, 2, 4, ... 128 and 250 ms
}

TEST(FragmentWait, FragmentsAreReleasedInTheOrderInWhichTheyCame) {
    Waiting waiting;
    for (auto const number : {3U, 1U, 4U, 2U})
        EXPECT_TRUE(waiting.take(number));
    waiting.first_ones = {2, 3, 4};
    EXPECT_EQ(waiting.look(start), (All{{3, true}, {4, true}, {2, true}}));
    EXPECT_EQ(waiting.wait.size(), 1U);
}

TEST(FragmentWait, ManyAreReleasedInSeveralTurns) {
    Waiting waiting;
    for (std::uint32_t number = 0; number < 40; ++number) {
        EXPECT_TRUE(waiting.take(number));
        waiting.first_ones.insert(number);
    }
    EXPECT_EQ(waiting.look(start).size(), FragmentWait::most_at_once);
    EXPECT_EQ(waiting.wait.next_look(), start); // at once
    EXPECT_EQ(waiting.look(start).size(), FragmentWait::most_at_once);
    EXPECT_EQ(waiting.look(start).size(), 40 - 2 * FragmentWait::most_at_once);
}

TEST(FragmentWait, NoMoreWaitThanThereIsRoomFor) {
    Waiting waiting;
    for (std::uint32_t number = 0; number < FragmentWait::most; ++number)
        EXPECT_TRUE(waiting.take(number));
    EXPECT_FALSE(waiting.take(1000));
    EXPECT_EQ(waiting.wait.size(), FragmentWait::most);
}

TEST(FragmentWait, WhatAProcessBeforeThisOneLeftDoesNotWait) {
    Waiting waiting;
    EXPECT_FALSE(waiting.take(1, start - FragmentWait::longest, start));
    EXPECT_TRUE(waiting.take(2, start - FragmentWait::longest + 1ms, start));
    EXPECT_EQ(waiting.look(start), All{});
    EXPECT_EQ(waiting.wait.next_look(), start + 1ms);
}

} // namespace
} // namespace pointsman
