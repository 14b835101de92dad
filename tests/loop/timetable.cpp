// Many things at few moments, on one timer.
#include "healthcheck/timetable.hpp"
#include "tests/loop/loop_test.hpp"

#include <string>
#include <vector>

namespace pointsman::test {
namespace {

using TimePoint = Timetable::TimePoint;

struct Thing : Timetable::Entry {
    explicit Thing(std::string called) : name{std::move(called)} {}
    std::string name;
};

class TimetableTest : public LoopTest {
protected:
    std::vector<std::string> told;
    std::optional<TimePoint> again; ///< whatever is told is put in once more
    TimePoint const now = std::chrono::steady_clock::now();
    Timetable table{context.get_executor(), [this](Timetable::Entry& entry, TimePoint due) {
                        EXPECT_LE(due, std::chrono::steady_clock::now());
                        told.push_back(static_cast<Thing&>(entry).name);
                        if (again) table.put(entry, *std::exchange(again, std::nullopt));
                    }};
    Thing a{"a"};
    Thing b{"b"};
    Thing c{"c"};
};

TEST_F(TimetableTest, TellsInTheOrderOfTimesAndOfOneMomentInTheOrderTheyWerePutIn) {
    table.put(c, now + 20ms);
    table.put(a, now + 10ms);
    table.put(b, now + 10ms);
    EXPECT_TRUE(run_until([&] { return told.size() == 3; }, 5s));
    EXPECT_EQ(told, (std::vector<std::string>{"a", "b", "c"}));
}

TEST_F(TimetableTest, AnEntryHasOneTimeAndMayBeTakenOut) {
    table.put(a, now + 1h);
    table.put(a, now + 20ms);
    table.put(b, now + 10ms);
    table.put(c, now + 10ms);
    table.take_out(b);
    table.take_out(b);
    table.put(c, TimePoint::max());
    EXPECT_TRUE(run_until([&] { return !told.empty(); }, 5s));
    EXPECT_EQ(told, std::vector<std::string>{"a"});
}

TEST_F(TimetableTest, WhatIsToldMayBePutInAgain) {
    again = now + 20ms;
    table.put(a, now + 10ms);
    table.put(b, now + 15ms);
    EXPECT_TRUE(run_until([&] { return told.size() == 3; }, 5s));
    EXPECT_EQ(told.size(), 3U);
    EXPECT_EQ(told.front(), "a");
}

TEST_F(TimetableTest, KeepsTheLoopBusyOnlyWhileSomethingIsInIt) {
    table.put(a, now + 1h);
    table.take_out(a);
    table.rest();
    context.restart();
    context.run_for(5s);
    EXPECT_LT(std::chrono::steady_clock::now() - now, 4s) << "the loop ran out of work";
    EXPECT_TRUE(told.empty());
}

} // namespace
} // namespace pointsman::test
