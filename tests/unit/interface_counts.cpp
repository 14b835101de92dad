// Counters apart by interface, and together.
#include "controller/app/interface_counts.hpp"
#include "controller/datapath/counters.hpp"

#include <gtest/gtest.h>

namespace pointsman {
namespace {

void count(pm_counters& entry, pm_verdict verdict, unsigned packets) {
    entry.received += packets;
    entry.verdict[verdict] += packets;
}

TEST(InterfaceCounts, AreTheSumOverTheCpusUnderTheNameOfTheirSlot) {
    std::vector<pm_counters> entries(std::size_t{2} * PM_COUNTED_LINKS);
    count(entries[3], PM_FORWARD_TO_BACKEND, 5);
    count(entries[PM_COUNTED_LINKS + 3], PM_FORWARD_TO_BACKEND, 7);
    count(entries[PM_COUNTED_LINKS + 4], PM_DROP_TTL, 1);
    count(entries[PM_LINK_SLOTS], PM_PASS_OTHER_HOST, 2);
    count(entries[9], PM_PASS_NOT_IP, 4); // of a slot that no interface has any more
    entries[PM_LINK_SLOTS].events_lost = 6;
    std::vector<pm_link> slots(PM_LINK_SLOTS);
    slots[3].ifindex = 67;
    slots[4].ifindex = 4;
    auto const counts = interface_counts(totals_by_link(entries), slots, {{67, "lan"}, {4, "eth0"}});
    ASSERT_EQ(counts.size(), 3U);
    EXPECT_EQ(counts[0].name, "eth0");
    EXPECT_EQ(counts[0].counters.verdict[PM_DROP_TTL], 1U);
    EXPECT_EQ(counts[1].name, "lan");
    EXPECT_EQ(counts[1].counters.received, 12U);
    EXPECT_EQ(counts[2].name, other_interfaces);
    EXPECT_EQ(counts[2].counters.received, 6U);
    EXPECT_EQ(total_of(counts).received, 19U);
    EXPECT_EQ(total_of(counts).events_lost, 6U);
}

TEST(InterfaceCounts, TheNewestTickIsOfAnyInterface) {
    std::vector<pm_counters> entries(PM_COUNTED_LINKS);
    entries[1].ticks = 7;
    entries[5].ticks = (1ULL << 32) + 9;
    EXPECT_EQ(newest_tick(entries), 9U);
}

} // namespace
} // namespace pointsman
