// What a plan keeps and what it renews: ids, incarnations, Maglev tables.
#include "tests/unit/plan_next.hpp"

#include <algorithm>

namespace pointsman {
namespace {

TEST_F(PlanNext, NumbersEverythingFromOneInTheOrderOfTheConfiguration) {
    desired.services.push_back(service("dns", "10.77.0.101"));
    desired.services.back().backends = {wanted("b1", "10.77.0.2", 53)};
    auto const plan = publish();
    EXPECT_EQ(plan.next.number, 1U);
    EXPECT_EQ(identities(),
              "web/b1 is 1.1 of service 1\nweb/b2 is 2.1 of service 1\ndns/b1 is 3.1 of service 2\n");
    EXPECT_EQ(plan.next.incarnations, (std::vector<std::uint32_t>{0, 1, 1, 1}));
    EXPECT_FALSE(plan.cuts_sessions);
}

TEST_F(PlanNext, AFreshStartAdmitsABackendOnItsFirstPassedProbe) {
    measured.clear();
    publish();
    EXPECT_FALSE(backend("b1").eligible);
    measured[{"web", "b1"}] = MeasuredState::up;
    auto const plan = publish();
    EXPECT_TRUE(backend("b1").eligible);
    EXPECT_FALSE(backend("b2").eligible);
    EXPECT_FALSE(plan.cuts_sessions);
    EXPECT_EQ(plan.slots_moved, maglev_size);
}

TEST_F(PlanNext, ABackendWithoutACheckIsUp) {
    web().backends[0].check.own().type = CheckType::none;
    measured.clear();
    publish();
    EXPECT_TRUE(backend("b1").eligible);
    EXPECT_FALSE(backend("b2").eligible);
}

TEST_F(PlanNext, ABackendThatFallsIsEjectedAndOnlyItsSessionsEnd) {
    publish();
    auto const on_b1 = session_on("b1");
    auto const on_b2 = session_on("b2");
    measured[{"web", "b1"}] = MeasuredState::down;
    EXPECT_TRUE(publish().cuts_sessions);
    EXPECT_EQ(identities(), "web/b1 is 1.2 of service 1\nweb/b2 is 2.1 of service 1\n");
    EXPECT_FALSE(backend("b1").eligible);
    EXPECT_FALSE(is_valid(on_b1));
    EXPECT_TRUE(is_valid(on_b2));
}

TEST_F(PlanNext, ABackendThatStaysDownIsNotCutAgain) {
    publish();
    measured[{"web", "b1"}] = MeasuredState::down;
    publish();
    EXPECT_FALSE(publish().cuts_sessions);
    admin[{"web", "b1"}] = AdminState::maint;
    EXPECT_FALSE(publish().cuts_sessions);
    EXPECT_EQ(backend("b1").incarnation, 2U);
}

TEST_F(PlanNext, ABackendThatRisesAgainDoesNotGetItsOldSessionsBack) {
    publish();
    auto const session = session_on("b1");
    measured[{"web", "b1"}] = MeasuredState::down;
    publish();
    measured[{"web", "b1"}] = MeasuredState::up;
    EXPECT_FALSE(publish().cuts_sessions);
    EXPECT_TRUE(backend("b1").eligible);
    EXPECT_FALSE(is_valid(session));
}

TEST_F(PlanNext, ADrainCutsNothingAndMaintenanceCuts) {
    publish();
    auto const session = session_on("b1");
    admin[{"web", "b1"}] = AdminState::drain;
    EXPECT_FALSE(publish().cuts_sessions);
    EXPECT_FALSE(backend("b1").eligible);
    EXPECT_TRUE(is_valid(session));
    admin[{"web", "b1"}] = AdminState::maint;
    EXPECT_TRUE(publish().cuts_sessions);
    EXPECT_FALSE(is_valid(session));
}

TEST_F(PlanNext, ADrainingBackendThatFallsIsCutAndThatIsAChange) {
    admin[{"web", "b1"}] = AdminState::drain;
    publish();
    auto const session = session_on("b1");
    measured[{"web", "b1"}] = MeasuredState::down;
    auto const plan = publish();
    EXPECT_TRUE(plan.cuts_sessions);
    EXPECT_NE(plan.changes, std::vector<Change>{}); // else nothing is published
    EXPECT_FALSE(is_valid(session));
}

TEST_F(PlanNext, OnDownKeepBumpsNoIncarnation) {
    web().on_down = OnDown::keep;
    publish();
    auto const session = session_on("b1");
    measured[{"web", "b1"}] = MeasuredState::down;
    EXPECT_FALSE(publish().cuts_sessions);
    EXPECT_FALSE(backend("b1").eligible);
    EXPECT_TRUE(is_valid(session));
}

TEST_F(PlanNext, GivingUpOnDownKeepCutsTheSessionsItKept) {
    web().on_down = OnDown::keep;
    publish();
    measured[{"web", "b1"}] = MeasuredState::down;
    publish();
    auto const session = session_on("b1");
    web().on_down = OnDown::reset;
    EXPECT_TRUE(publish().cuts_sessions);
    EXPECT_FALSE(is_valid(session));
}

TEST_F(PlanNext, APanicKeepsTheSessionsAndItsEndCutsThoseOfDownBackends) {
    web().panic_threshold = 100;
    publish();
    auto const session = session_on("b1");
    measured[{"web", "b1"}] = MeasuredState::down;
    EXPECT_FALSE(publish().cuts_sessions);
    EXPECT_TRUE(current.services.front().panic);
    EXPECT_TRUE(backend("b1").eligible);
    EXPECT_TRUE(is_valid(session));
    web().panic_threshold = 50;
    EXPECT_TRUE(publish().cuts_sessions);
    EXPECT_FALSE(current.services.front().panic);
    EXPECT_FALSE(is_valid(session));
}

TEST_F(PlanNext, IdsStayThroughAReorderingAndAReload) {
    publish();
    std::ranges::reverse(web().backends);
    desired.services.insert(desired.services.begin(), service("dns", "10.77.0.101"));
    desired.services.front().backends = {wanted("d1", "10.77.0.4", 53)};
    web().backends[0].weight = 1;
    EXPECT_FALSE(publish().cuts_sessions);
    EXPECT_EQ(identities(),
              "dns/d1 is 3.1 of service 2\nweb/b2 is 2.1 of service 1\nweb/b1 is 1.1 of service 1\n");
}

TEST_F(PlanNext, AFreedIdThatAnotherBackendGetsDoesNotBringItsSessionsAlong) {
    publish();
    auto const session = session_on("b1");
    web().backends[0] = wanted("b3", "10.77.0.4");
    publish();
    EXPECT_EQ(identities(), "web/b3 is 1.2 of service 1\nweb/b2 is 2.1 of service 1\n");
    EXPECT_FALSE(is_valid(session));
}

TEST_F(PlanNext, ABackendThatWasRemovedAndReturnsIsANewOne) {
    publish();
    auto const session = session_on("b1");
    auto const removed = web().backends.front();
    web().backends.erase(web().backends.begin());
    publish();
    EXPECT_FALSE(is_valid(session));
    web().backends.push_back(removed);
    publish();
    EXPECT_EQ(identities(), "web/b2 is 2.1 of service 1\nweb/b1 is 1.2 of service 1\n");
    EXPECT_FALSE(is_valid(session));
}

TEST_F(PlanNext, ABackendNameThatMovesToAnotherServerDoesNotBringItsSessionsAlong) {
    publish();
    auto const session = session_on("b1");
    auto const other = session_on("b2");
    web().backends[0].address = address("10.77.0.4");
    publish();
    EXPECT_FALSE(is_valid(session));
    EXPECT_TRUE(is_valid(other));
    auto const moved = session_on("b1");
    web().backends[0].port = 8080;
    publish();
    EXPECT_FALSE(is_valid(moved));
}

TEST_F(PlanNext, BackendsThatSwapTheirAddressesSwapNoSessions) {
    publish();
    auto const on_b1 = session_on("b1");
    auto const on_b2 = session_on("b2");
    std::swap(web().backends[0].address, web().backends[1].address);
    publish();
    EXPECT_FALSE(is_valid(on_b1));
    EXPECT_FALSE(is_valid(on_b2));
}

TEST_F(PlanNext, AServiceThatMovesToAnotherAddressStartsWithoutSessions) {
    publish();
    auto const session = session_on("b1");
    web().address = address("10.77.0.101");
    publish();
    EXPECT_FALSE(is_valid(session));
    auto const moved = session_on("b1");
    web().port_last = 90;
    publish();
    EXPECT_FALSE(is_valid(moved));
}

TEST_F(PlanNext, ARenamedServiceIsANewOne) {
    publish();
    auto const session = session_on("b1");
    web().name = "www";
    for (char const* name : {"b1", "b2"})
        measured[{"www", name}] = MeasuredState::up;
    publish();
    EXPECT_EQ(identities(), "www/b1 is 1.2 of service 1\nwww/b2 is 2.2 of service 1\n");
    EXPECT_FALSE(is_valid(session));
}

TEST_F(PlanNext, ASecondChanceIsForTcpWithSeveralBackends) {
    auto const has_one = [&] { return publish().next.services.front().second_chance; };
    EXPECT_TRUE(has_one());
    web().second_chance = false;
    EXPECT_FALSE(has_one());
    web().second_chance = true;
    web().protocol = Protocol::udp;
    EXPECT_FALSE(has_one());
    web().protocol = Protocol::tcp;
    web().backends.resize(1);
    EXPECT_FALSE(has_one());
}

TEST_F(PlanNext, AnUnchangedServiceSharesItsMaglevTableWithTheLastGeneration) {
    desired.services.push_back(service("dns", "10.77.0.101"));
    desired.services.back().backends = {wanted("b1", "10.77.0.2", 53)};
    desired.services.back().panic_threshold = 0;
    measured[{"dns", "b1"}] = MeasuredState::up;
    auto const was = publish().next;
    measured[{"dns", "b1"}] = MeasuredState::down;
    auto const now = publish().next;
    EXPECT_EQ(now.services[0].maglev, was.services[0].maglev);
    EXPECT_EQ(now.services[0].maglev->size(), maglev_size);
    EXPECT_EQ(*now.services[1].maglev, MaglevTable{});
}

TEST_F(PlanNext, AServiceWithoutAnEligibleBackendHasAnEmptyTable) {
    measured.clear();
    publish();
    EXPECT_EQ(*current.services.front().maglev, MaglevTable{});
}

} // namespace
} // namespace pointsman
