#include "controller/plan/eligibility.hpp"

#include <gtest/gtest.h>

namespace pointsman {
namespace {

using enum MeasuredState;
using enum AdminState;

/// A ready backend with weight that the kernel knows the way to.
GenerationBackend backend(MeasuredState measured, AdminState admin = ready) {
    GenerationBackend out;
    out.weight = 100;
    out.measured = measured;
    out.admin = admin;
    out.next_hop = NextHop{.ifindex = 2};
    out.nat_addresses = {Address::v4(0x0a4d0005)};
    return out;
}

GenerationBackend reserve(MeasuredState measured) {
    auto out = backend(measured);
    out.backup = true;
    return out;
}

GenerationBackend weightless(MeasuredState measured) {
    auto out = backend(measured);
    out.weight = 0;
    return out;
}

GenerationBackend unresolved(MeasuredState measured) {
    auto out = backend(measured);
    out.next_hop.reset();
    return out;
}

GenerationBackend without_source(MeasuredState measured) {
    auto out = backend(measured);
    out.nat_addresses.clear();
    return out;
}

Treatments treat(std::vector<GenerationBackend> const& backends, PanicRule const& rule, OnDown on_down) {
    return decide_eligibility(BackendList{backends}.of(ServiceId::none), rule, on_down);
}

/// One word a backend: "new" takes new flows and keeps the old ones, "old" only keeps, "cut" neither.
std::string decide(std::vector<GenerationBackend> const& backends, unsigned panic_threshold = 0,
                   OnDown on_down = OnDown::reset) {
    auto const treated = treat(backends, {.threshold = panic_threshold}, on_down);
    std::string text = treated.panic ? "panic:" : "";
    for (auto const& decided : treated.of) {
        if (!text.empty()) text += " ";
        if (decided.eligible && !decided.keeps_sessions) text += "impossible";
        text += decided.eligible ? "new" : decided.keeps_sessions ? "old" : "cut";
    }
    return text;
}

TEST(Eligibility, OnlyABackendThatIsUpTakesNewFlows) {
    EXPECT_EQ(decide({backend(unknown), backend(up), backend(down)}), "cut new cut");
}

TEST(Eligibility, ADrainingBackendKeepsItsSessionsAndTakesNoNewOnes) {
    EXPECT_EQ(decide({backend(up, drain), backend(unknown, drain), backend(up)}), "old old new");
}

TEST(Eligibility, ADrainingBackendThatIsDownLosesItsSessions) {
    EXPECT_EQ(decide({backend(down, drain), backend(up)}), "cut new");
    EXPECT_EQ(decide({backend(down, drain), backend(up)}, 0, OnDown::keep), "old new");
}

TEST(Eligibility, ABackendInMaintenanceLosesItsSessions) {
    EXPECT_EQ(decide({backend(up, maint), backend(down, maint), backend(up)}), "cut cut new");
}

TEST(Eligibility, OnDownKeepCutsNobody) {
    EXPECT_EQ(decide({backend(down), backend(up, maint), backend(unknown), backend(up)}, 0, OnDown::keep),
              "old old old new");
}

TEST(Eligibility, EveryOtherOnDownCuts) {
    for (auto const on_down : {OnDown::reset, OnDown::rehash, OnDown::drop})
        EXPECT_EQ(decide({backend(down), backend(up, maint)}, 0, on_down), "cut cut");
}

TEST(Eligibility, AWeightOfZeroKeepsOldFlowsOnly) {
    EXPECT_EQ(decide({weightless(up), backend(up)}), "old new");
}

TEST(Eligibility, ABackendThatCannotBeReachedTakesNoNewFlows) {
    EXPECT_EQ(decide({unresolved(up), without_source(up), backend(up)}), "old old new");
}

TEST(Eligibility, AReserveWaitsWhileAnyOtherBackendIsEligible) {
    EXPECT_EQ(decide({backend(down), backend(up), reserve(up)}), "cut new old");
}

TEST(Eligibility, TheReservesTakeOverWhenNoOtherBackendIsEligible) {
    EXPECT_EQ(decide({backend(down), reserve(up), reserve(down), reserve(up)}), "cut new cut new");
    EXPECT_EQ(decide({backend(up, drain), reserve(up)}), "old new");
    EXPECT_EQ(decide({backend(up, maint), reserve(up)}), "cut new");
    EXPECT_EQ(decide({weightless(up), reserve(up)}), "old new");
    EXPECT_EQ(decide({unresolved(up), reserve(up)}), "old new");
}

TEST(Eligibility, BelowThePanicThresholdHealthIsIgnored) {
    EXPECT_EQ(decide({backend(down), backend(down)}, 50), "panic: new new");
    EXPECT_EQ(decide({backend(up), backend(down), backend(down)}, 50), "panic: new new new");
    EXPECT_EQ(decide({backend(up), backend(up), backend(down)}, 100), "panic: new new new");
}

TEST(Eligibility, AtThePanicThresholdHealthStillDecides) {
    EXPECT_EQ(decide({backend(up), backend(down)}, 50), "new cut");
    EXPECT_EQ(decide({backend(up), backend(up)}, 100), "new new");
}

TEST(Eligibility, APanicThresholdOfZeroNeverPanics) {
    EXPECT_EQ(decide({backend(down), backend(down)}, 0), "cut cut");
}

TEST(Eligibility, NoPanicBeforeEveryBackendWasProbedOnce) {
    EXPECT_EQ(decide({backend(unknown), backend(unknown)}, 50), "cut cut");
    EXPECT_EQ(decide({backend(down), backend(down), backend(unknown)}, 100), "cut cut cut");
}

TEST(Eligibility, OnlyReadyBackendsWithWeightCountForThePanic) {
    EXPECT_EQ(decide({backend(up), backend(down, maint), backend(down, drain), weightless(down)}, 100),
              "new cut cut cut");
    EXPECT_EQ(decide({backend(down), backend(down), backend(up, drain), weightless(up)}, 50),
              "panic: new new old old");
}

TEST(Eligibility, WithoutAReadyBackendThereIsNoPanic) {
    EXPECT_EQ(decide({backend(down, maint), backend(up, drain)}, 50), "cut old");
    EXPECT_EQ(decide({}, 50), "");
}

TEST(Eligibility, APanicKeepsTheSessionsOfBackendsThatAreDown) {
    EXPECT_EQ(decide({backend(down), backend(down), weightless(down)}, 50), "panic: new new old");
}

TEST(Eligibility, APanicRespectsWhatAPersonAsked) {
    EXPECT_EQ(decide({backend(down), backend(down), backend(down, maint), backend(down, drain)}, 50),
              "panic: new new cut old");
}

TEST(Eligibility, APanicSendsNothingWhereThereIsNoWay) {
    EXPECT_EQ(decide({backend(down), unresolved(down), without_source(down)}, 50), "panic: new old old");
}

TEST(Eligibility, AHealthyReserveTakesOverBeforeHealthIsIgnored) {
    EXPECT_EQ(decide({backend(down), backend(down), reserve(up)}, 50), "cut cut new");
    EXPECT_EQ(decide({backend(down), backend(down), reserve(down)}, 50), "panic: new new old");
}

TEST(Eligibility, AReserveThatWasNeverProbedTakesNoFlowsEvenInAPanic) {
    EXPECT_EQ(decide({unresolved(down), unresolved(down), reserve(unknown)}, 50), "panic: old old old");
}

TEST(Eligibility, ABackendThatIsAloneGoesDownAndItsClientsLearnAtOnce) {
    EXPECT_EQ(decide({backend(down)}, 50), "cut");
    EXPECT_EQ(decide({backend(down)}, 100), "cut");
    EXPECT_EQ(decide({backend(down), backend(up, maint), weightless(up)}, 100), "cut cut old");
}

TEST(Eligibility, ABackendThatAsksToDrainKeepsItsSessionsAndTakesNoNewOnes) {
    EXPECT_EQ(decide({backend(draining), backend(up)}), "old new");
    EXPECT_EQ(decide({backend(draining), backend(up), backend(down)}, 50), "old new cut");
}

TEST(Eligibility, ABackendThatAsksForMaintenanceLosesItsSessionsAndCausesNoPanic) {
    EXPECT_EQ(decide({backend(resting), backend(up)}), "cut new");
    EXPECT_EQ(decide({backend(resting), backend(resting), backend(up)}, 50), "cut cut new");
    EXPECT_EQ(decide({backend(resting), backend(down), backend(down)}, 50), "panic: cut new new");
    EXPECT_EQ(decide({backend(resting, drain), backend(up)}), "old new") << "an order goes first";
}

/// Healthy backends of ten while a panic goes on or not, and whether it goes on after.
bool panics(unsigned healthy, bool now, unsigned margin = 10) {
    std::vector<GenerationBackend> ten(10, backend(down));
    std::fill_n(ten.begin(), healthy, backend(up));
    return treat(ten, {.threshold = 50, .margin = margin, .panics = now}, OnDown::reset).panic;
}

TEST(Eligibility, APanicEndsOnlyAMarginAboveWhereItBegan) {
    EXPECT_FALSE(panics(5, false));
    EXPECT_TRUE(panics(4, false));
    EXPECT_TRUE(panics(5, true));
    EXPECT_FALSE(panics(6, true));
    EXPECT_FALSE(panics(5, true, 0));
}

TEST(Eligibility, APanicEndsAtTheLatestWhenAllAreHealthy) {
    EXPECT_FALSE(panics(10, true, 100));
}

TEST(Eligibility, AMarginOfLessThanOneBackendIsNone) {
    std::vector<GenerationBackend> two{backend(up), backend(down)};
    EXPECT_FALSE(treat(two, {.threshold = 50, .margin = 10, .panics = true}, OnDown::reset).panic);
}

TEST(Eligibility, APanicGoesOnWhileANewBackendWasNotProbedYet) {
    std::vector<GenerationBackend> pool{backend(down), backend(down), backend(unknown)};
    EXPECT_TRUE(treat(pool, {.threshold = 50, .panics = true}, OnDown::reset).panic);
}

TEST(Eligibility, HealthyAreThoseThatMayTakeFlows) {
    BackendList const list{backend(up),       backend(down), backend(up, drain), weightless(up),
                           backend(draining), reserve(up),   unresolved(up)};
    EXPECT_EQ(healthy_among(list.of(ServiceId::none)), 3U);
}

} // namespace
} // namespace pointsman
