#include "controller/model/maglev_table.hpp"

#include <gtest/gtest.h>

namespace pointsman {
namespace {

std::shared_ptr<MaglevPattern const> pattern(std::vector<std::uint16_t> places) {
    return std::make_shared<MaglevPattern const>(std::move(places));
}

TEST(MaglevTable, IsMadeOfItsSlotsOrOfPlacesAmongBackends) {
    std::vector const slots{BackendId{7}, BackendId{3}, BackendId{7}};
    MaglevTable const by_slots{slots};
    MaglevTable const by_places{pattern({2, 0, 2}), {BackendId{3}, BackendId{5}, BackendId{7}}};
    EXPECT_EQ(by_slots.slots(), slots);
    EXPECT_EQ(by_places.slots(), slots);
    EXPECT_EQ(by_slots, by_places) << "what the slots lead to is compared";
    EXPECT_EQ(by_places[1], BackendId{3});
    EXPECT_EQ(by_places.size(), 3U);
}

TEST(MaglevTable, IsEmptyWithoutAPattern) {
    MaglevTable const none{nullptr, {BackendId{3}}};
    EXPECT_TRUE(none.empty());
    EXPECT_EQ(none, MaglevTable{});
    EXPECT_NE(none, MaglevTable{std::vector{BackendId{3}}});
}

TEST(PatternChanges, NamesTheSlotsThatLeadToAnotherPlace) {
    MaglevPattern const was{0, 1, 2, 1};
    MaglevPattern const now{0, 2, 2, 0};
    PatternChanges changes;
    EXPECT_EQ(changes.between(was, now), (std::vector<std::uint16_t>{1, 3}));
    EXPECT_EQ(changes.between(now, was), (std::vector<std::uint16_t>{1, 3}));
    EXPECT_TRUE(changes.between(was, was).empty());
}

} // namespace
} // namespace pointsman
