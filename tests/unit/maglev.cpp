#include "controller/plan/maglev_builds.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <random>

namespace pointsman {
namespace {

using Seed = std::array<std::uint8_t, 16>;

constexpr Seed seed{'p', 'o', 'i', 'n', 't', 's', 'm', 'a', 'n', ' ', 's', 'e', 'e', 'd', ' ', '1'};

/// Backends 10.77.0.1:80, 10.77.0.2:80, … with ids from 1 on and these weights.
std::vector<MaglevEntry> backends(std::vector<unsigned> const& weights, Seed const& with = seed) {
    std::vector<MaglevEntry> entries;
    for (std::uint32_t i = 1; i <= weights.size(); ++i)
        entries.push_back(
            {static_cast<BackendId>(i), identity_of(Address::v4(0x0a4d0000 + i), 80, with), weights[i - 1]});
    return entries;
}

std::vector<MaglevEntry> equal_backends(std::size_t count) {
    return backends(std::vector<unsigned>(count, 100));
}

std::map<BackendId, std::uint32_t> shares_of(MaglevTable const& table) {
    std::map<BackendId, std::uint32_t> shares;
    for (auto const id : table.slots())
        ++shares[id];
    return shares;
}

/// FNV-1a, 64 bits, over the ids as 32-bit little-endian numbers.
std::uint64_t fingerprint(MaglevTable const& table) {
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    for (auto const id : table.slots())
        for (unsigned shift = 0; shift < 32; shift += 8)
            hash = (hash ^ (static_cast<std::uint32_t>(id) >> shift & 0xff)) * 0x100000001b3ULL;
    return hash;
}

/// Share of the slots that did not lead to `lost` and lead elsewhere without it.
double disturbance(MaglevTable const& was, MaglevTable const& now, BackendId lost) {
    std::size_t survivors = 0;
    std::size_t moved = 0;
    for (std::size_t i = 0; i < was.size(); ++i) {
        if (was[i] == lost) continue;
        ++survivors;
        moved += was[i] != now[i];
    }
    return static_cast<double>(moved) / static_cast<double>(survivors);
}

TEST(Maglev, EverySlotLeadsToABackend) {
    for (std::size_t const count : {1, 2, 3, 7, 100, 1000}) {
        auto const table = build_maglev(equal_backends(count));
        EXPECT_EQ(table.size(), maglev_size);
        EXPECT_EQ(std::ranges::count(table.slots(), BackendId::none), 0) << count;
        EXPECT_EQ(shares_of(table).size(), count);
    }
}

TEST(Maglev, EqualBackendsGetEqualSharesToTheSlot) {
    for (std::uint32_t const count : {2U, 3U, 7U, 100U})
        for (auto const& [id, share] : shares_of(build_maglev(equal_backends(count)))) {
            EXPECT_GE(share, maglev_size / count);
            EXPECT_LE(share, maglev_size / count + 1);
        }
}

TEST(Maglev, SharesFollowTheWeightsToWithinOneSlotForEachBackend) {
    for (auto const& weights : std::vector<std::vector<unsigned>>{{1, 1},
                                                                  {1, 2, 3},
                                                                  {100, 50, 10},
                                                                  {65535, 32768, 1000},
                                                                  {10, 20, 30, 40, 100},
                                                                  {7, 11, 13, 999}}) {
        auto const entries = backends(weights);
        auto const sum = std::accumulate(weights.begin(), weights.end(), 0.0);
        auto shares = shares_of(build_maglev(entries));
        for (auto const& entry : entries)
            EXPECT_NEAR(shares[entry.id], maglev_size * (entry.weight / sum),
                        static_cast<double>(weights.size()))
                << testing::PrintToString(weights);
    }
}

TEST(Maglev, OnlyTheRatioOfTheWeightsMatters) {
    EXPECT_EQ(build_maglev(backends({1, 2, 4})), build_maglev(backends({100, 200, 400})));
}

TEST(Maglev, TheOrderOfTheBackendsDoesNotMatter) {
    auto entries = backends({100, 100, 50, 10, 100, 200, 1, 100});
    auto const table = build_maglev(entries);
    std::mt19937 random{1};
    for (int i = 0; i < 20; ++i) {
        std::ranges::shuffle(entries, random);
        EXPECT_EQ(build_maglev(entries), table);
    }
}

TEST(Maglev, TheNumberingOfTheBackendsDoesNotMoveASlot) {
    auto entries = backends({100, 50, 100});
    auto const table = build_maglev(entries);
    for (auto& entry : entries)
        entry.id = static_cast<BackendId>(static_cast<unsigned>(entry.id) + 500);
    auto expected = table.slots();
    for (auto& id : expected)
        id = static_cast<BackendId>(static_cast<unsigned>(id) + 500);
    EXPECT_EQ(build_maglev(entries), MaglevTable{expected});
}

TEST(Maglev, ABackendHasTheSameIdentityOnEveryMachine) {
    EXPECT_EQ(identity_of(Address::v4(0x0a4d0002), 80, seed), 15803831760765573521ULL);
    EXPECT_EQ(identity_of(Address::v4(0x0a4d0002), 8080, seed), 12441133578039974904ULL);
    EXPECT_EQ(identity_of(Address::parse("2001:db8::1").value(), 80, seed), 10135839263204425224ULL);
    EXPECT_EQ(identity_of(Address::v4(0x0a4d0002), 80, Seed{}), 7941844329219222007ULL);
}

TEST(Maglev, TheTableIsTheSameOnEveryMachine) {
    EXPECT_EQ(fingerprint(build_maglev(backends({100, 100, 100}))), 9165268561402022644ULL);
    EXPECT_EQ(fingerprint(build_maglev(backends({100, 50, 10, 65535}))), 717824770819578385ULL);
    EXPECT_EQ(fingerprint(build_maglev(equal_backends(100))), 11326594389537985869ULL);
}

TEST(Maglev, AnotherSeedGivesAnotherTable) {
    auto const was = build_maglev(backends({100, 100}));
    auto const now = build_maglev(backends({100, 100}, Seed{}));
    EXPECT_GT(slots_moved(was, now), maglev_size / 3);
}

TEST(Maglev, LosingOneOfAHundredBackendsMovesFewSlotsOfTheOthers) {
    auto const all = equal_backends(100);
    auto const table = build_maglev(all);
    double sum = 0;
    double worst = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
        auto survivors = all;
        survivors.erase(survivors.begin() + static_cast<std::ptrdiff_t>(i));
        auto const moved = disturbance(table, build_maglev(survivors), all[i].id);
        sum += moved;
        worst = std::max(worst, moved);
    }
    EXPECT_LT(sum / 100, 0.01355); // the manual says 1.35 %
    EXPECT_LE(worst, 0.02);
}

TEST(Maglev, ABackendThatReturnsGetsItsOldSlots) {
    auto const all = equal_backends(10);
    auto const without = build_maglev(std::span{all}.first(9));
    EXPECT_NE(without, build_maglev(all));
    EXPECT_EQ(build_maglev(equal_backends(10)), build_maglev(all));
}

TEST(Maglev, AWeightOfZeroTakesNoSlot) {
    EXPECT_EQ(build_maglev(backends({100, 0, 100})), build_maglev([] {
                  auto entries = backends({100, 0, 100});
                  entries.erase(entries.begin() + 1);
                  return entries;
              }()));
}

TEST(Maglev, OneBackendTakesEverySlotWhateverItsWeight) {
    for (unsigned const weight : {1U, 100U, 65535U})
        EXPECT_EQ(build_maglev(backends({weight})).slots(),
                  std::vector<BackendId>(maglev_size, BackendId{1}));
}

TEST(Maglev, WithoutABackendThatHasAWeightTheTableIsEmpty) {
    EXPECT_EQ(build_maglev({}), MaglevTable{});
    EXPECT_EQ(build_maglev(backends({0, 0})), MaglevTable{});
}

TEST(Maglev, CountsTheSlotsThatLeadElsewhere) {
    MaglevTable const one{std::vector{BackendId{1}, BackendId{2}, BackendId{1}}};
    MaglevTable const other{std::vector{BackendId{1}, BackendId{1}, BackendId{2}}};
    EXPECT_EQ(slots_moved(one, one), 0U);
    EXPECT_EQ(slots_moved(one, other), 2U);
    EXPECT_EQ(slots_moved(one, MaglevTable{}), 3U);
    EXPECT_EQ(slots_moved(MaglevTable{}, one), 3U);
    EXPECT_EQ(slots_moved(MaglevTable{}, MaglevTable{}), 0U);
}

TEST(Maglev, CountsEachMovedSlotOnceWhereverItStands) {
    std::vector<BackendId> const slots(maglev_size, BackendId{1});
    MaglevTable const was{slots};
    for (std::size_t const slot : {0U, 63U, 64U, maglev_size - 62U, maglev_size - 1U}) {
        auto now = slots;
        now[slot] = BackendId{2};
        EXPECT_EQ(slots_moved(was, MaglevTable{now}), 1U) << slot;
    }
    auto longer = slots;
    longer.insert(longer.end(), {BackendId{1}, BackendId::none});
    EXPECT_EQ(slots_moved(was, MaglevTable{longer}), 1U);
    EXPECT_EQ(slots_moved(MaglevTable{longer}, was), 1U);
}

/// Slots that moved between two backends neither of which changed its weight, as a share of the table.
double bystanders_moved(MaglevTable const& was, MaglevTable const& now, BackendId changed) {
    std::size_t moved = 0;
    for (std::size_t i = 0; i < was.size(); ++i)
        moved += was[i] != now[i] && was[i] != changed && now[i] != changed;
    return static_cast<double>(moved) / static_cast<double>(was.size());
}

TEST(Maglev, AChangedWeightMovesLittleMoreThanItsShare) {
    std::mt19937 random{7};
    for (int round = 0; round < 60; ++round) {
        std::vector<unsigned> weights(2 + random() % 12);
        for (auto& weight : weights)
            weight = static_cast<unsigned>(20 + random() % 200);
        auto const was = build_maglev(backends(weights));
        weights.front() = static_cast<unsigned>(1 + random() % 300);
        auto const now = build_maglev(backends(weights));
        EXPECT_LT(bystanders_moved(was, now, BackendId{1}), 0.04) << "round " << round;
    }
}

TEST(Maglev, EachStepOfASlowStartMovesLittleMoreThanATenthOfTheShare) {
    for (unsigned count : {2U, 3U, 10U, 50U}) {
        auto const table_at = [&](unsigned ramp) {
            std::vector<unsigned> weights(count, 1000);
            weights.front() = 100 * ramp;
            return build_maglev(backends(weights));
        };
        for (unsigned ramp = 1; ramp < 10; ++ramp) {
            auto const step = 0.1 / (count - 1 + ramp / 10.0);
            auto const moved =
                static_cast<double>(slots_moved(table_at(ramp), table_at(ramp + 1))) / maglev_size;
            EXPECT_LT(moved, 2 * step + 0.02) << count << " backends, step " << ramp;
        }
    }
}

TEST(Maglev, OnlyTheRatioOfWeightsCounts) {
    EXPECT_EQ(build_maglev(backends({100, 50, 75})), build_maglev(backends({1000, 500, 750})));
}

TEST(Maglev, ATableOfBackendsThatWereSeenBeforeIsTheOneThatWouldBeBuilt) {
    MaglevBuilds builds;
    auto const first = backends({100, 50, 0, 100});
    auto second = first; // the same backends in a second service
    for (auto& entry : second)
        entry.id = static_cast<BackendId>(static_cast<unsigned>(entry.id) + 40);
    auto const third = backends({100, 100, 0, 100});
    EXPECT_EQ(*builds.table_of(first), build_maglev(first));
    EXPECT_EQ(*builds.table_of(second), build_maglev(second));
    EXPECT_EQ(*builds.table_of(third), build_maglev(third));
    EXPECT_EQ(*builds.table_of({}), MaglevTable{});
    EXPECT_EQ(builds.table_of(first)->pattern(), builds.table_of(second)->pattern());
    EXPECT_NE(builds.table_of(first)->pattern(), builds.table_of(third)->pattern());
}

TEST(Maglev, WhatOnePlanBuiltTheNextOneFindsAsLongAsItIsAmongTheNewest) {
    MaglevMemory memory;
    auto const first = backends({100, 50, 100});
    auto const built = MaglevBuilds{&memory}.table_of(first);
    EXPECT_EQ(MaglevBuilds{&memory}.table_of(first)->pattern(), built->pattern());
    for (unsigned weight = 1; weight <= MaglevMemory::room; ++weight) {
        auto const others = backends({100, 50, weight});
        EXPECT_EQ(*MaglevBuilds{&memory}.table_of(others), build_maglev(others));
    }
    auto const again = MaglevBuilds{&memory}.table_of(first);
    EXPECT_NE(again->pattern(), built->pattern()) << "it was not forgotten";
    EXPECT_EQ(*again, *built);
}

TEST(Maglev, TheSameChangeOfTheSamePatternIsKnownOnceItWasNoted) {
    MaglevBuilds builds;
    auto entries = backends({100, 50, 100});
    auto const was = builds.table_of(entries);
    entries[1].weight = 0;
    auto const now = builds.table_of(entries);
    TableChange const change{was->pattern().get(), {{1, entries[1].identity, 0}}};
    EXPECT_FALSE(builds.after(change));
    builds.note(change, now->pattern());
    EXPECT_EQ(builds.after(change), now->pattern());
    EXPECT_FALSE(builds.after({was->pattern().get(), {{1, entries[1].identity, 50}}}));
    EXPECT_FALSE(builds.after({now->pattern().get(), {{1, entries[1].identity, 0}}}));
}

} // namespace
} // namespace pointsman
