// What a starting daemon makes of the kernel's tables and of what its predecessor wrote down.
#include "controller/app/adoption.hpp"

#include "controller/plan/maglev.hpp"
#include "controller/plan/plan.hpp"

#include <gtest/gtest.h>

namespace pointsman {
namespace {

using namespace std::chrono_literals;

WallTime const noon{1'700'000'000s};

struct Adoption : testing::Test {
    Adoption() {
        Service web;
        web.name = "web";
        web.address = *Address::parse("10.77.0.100");
        web.port_first = web.port_last = 80;
        web.panic_threshold = 0;
        for (unsigned number = 1; number <= 2; ++number) {
            Backend backend;
            backend.name = "b" + std::to_string(number);
            backend.address = Address::v4(0x0a4d'0000 + number + 1);
            backend.port = 80;
            web.backends.push_back(backend);
            network.routes[backend.address] = {NextHop{2, {2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}},
                                               Address::v4(0x0a4d'0005)};
        }
        desired.services.push_back(web);
        measured[{"web", "b1"}] = measured[{"web", "b2"}] = MeasuredState::up;
        publish();
    }

    /// As a running daemon does.
    void publish() { last = plan_next({desired, measured, admin, network, adjust}, last).next; }

    /// What the kernel tells of `last`: neither names nor states nor weights.
    Generation tables() const {
        auto out = last;
        for (auto& service : out.services) {
            service.name.clear();
            service.panic = service.announce = false;
        }
        for (std::size_t i = 0; i < out.backends.size(); ++i) {
            auto& backend = out.backends.edit(i);
            backend.key = {};
            backend.weight = 0;
            backend.ramp = full_ramp;
            backend.measured = MeasuredState::unknown;
            backend.admin = AdminState::ready;
            backend.keeps_sessions = false;
        }
        return out;
    }

    /// What the daemon wrote down of `last`.
    SavedState saved() const {
        SavedState out{"/sys/fs/bpf/pointsman", noon, last.number, {}};
        for (auto const& service : last.services) {
            out.services.push_back({service.name,
                                    service.address,
                                    service.port_first,
                                    service.port_last,
                                    service.protocol,
                                    service.id,
                                    service.panic,
                                    service.announce,
                                    {}});
            for (auto const& backend : last.backends) {
                if (backend.service != service.id) continue;
                SavedBackend entry;
                entry.name = backend.key.backend;
                entry.address = backend.address;
                entry.port = backend.port;
                entry.id = backend.id;
                entry.incarnation = backend.incarnation;
                entry.eligible = backend.eligible;
                entry.keeps_sessions = backend.keeps_sessions;
                entry.weight = backend.weight;
                entry.ramp = backend.ramp;
                if (backend.measured != MeasuredState::unknown)
                    entry.checks["tcp"] = HealthState{.state = backend.measured};
                entry.story = StateStory{noon, "l4_ok"};
                if (backend.admin != AdminState::ready)
                    entry.order = SavedOrder{backend.admin, "why", {}, {}};
                out.services.back().backends.push_back(entry);
            }
        }
        return out;
    }

    Adopted adopted(std::optional<SavedState> from) const {
        return adopt({tables(), std::move(from), true, 257, 4097}, desired);
    }

    /// The first plan of the successor.
    Plan first_plan(Adopted const& from) const {
        std::map<BackendKey, MeasuredState> health;
        std::map<BackendKey, AdminState> orders;
        for (auto const& [key, state] : from.health)
            health[key] = conjunction(state);
        for (auto const& [key, order] : from.orders)
            orders[key] = order.state;
        std::map<BackendKey, Adjustment> weights;
        for (auto const& [key, order] : from.weights)
            weights[key].weight = order.weight;
        return plan_next({desired, health, orders, network, weights}, from.current);
    }

    DesiredState desired;
    std::map<BackendKey, MeasuredState> measured;
    std::map<BackendKey, AdminState> admin;
    std::map<BackendKey, Adjustment> adjust;
    NetworkView network;
    Generation last;
    BackendKey const b1{"web", "b1"};
    BackendKey const b2{"web", "b2"};
};

TEST_F(Adoption, OfAnUnchangedConfigurationLeadsToAPlanWithoutChanges) {
    auto const plan = first_plan(adopted(saved()));
    EXPECT_EQ(plan.changes, std::vector<Change>{});
    EXPECT_EQ(plan.slots_moved, 0U);
    EXPECT_FALSE(plan.cuts_sessions);
    EXPECT_EQ(plan.next.number, last.number + 1);
    EXPECT_EQ(plan.next.backends, last.backends);
}

TEST_F(Adoption, WithoutAFileNamesComeFromTheConfigurationAndEligibleBackendsAreUp) {
    auto const from = adopted(std::nullopt);
    EXPECT_EQ(from.health,
              (std::map<BackendKey, CheckStates>{{b1, {{"tcp", {.state = MeasuredState::up}}}},
                                                 {b2, {{"tcp", {.state = MeasuredState::up}}}}}));
    auto const plan = first_plan(from);
    EXPECT_EQ(plan.changes, std::vector<Change>{});
    EXPECT_EQ(plan.slots_moved, 0U);
    EXPECT_FALSE(plan.cuts_sessions);
}

TEST_F(Adoption, WithoutAFileAnIneligibleBackendIsUnknownAndKeepsItsIncarnation) {
    admin[b1] = AdminState::drain;
    publish();
    auto const from = adopted(std::nullopt);
    EXPECT_FALSE(from.health.contains(b1));
    auto const plan = first_plan(from);
    EXPECT_FALSE(plan.cuts_sessions); // it may have been draining
    EXPECT_EQ(plan.next.find(b1)->incarnation, last.find(b1)->incarnation);
}

TEST_F(Adoption, AnOrderIsTakenOverWithItsReason) {
    admin[b1] = AdminState::drain;
    publish();
    auto const from = adopted(saved());
    EXPECT_EQ(from.orders, (std::map<BackendKey, SavedOrder>{{b1, {AdminState::drain, "why", {}, {}}}}));
    EXPECT_EQ(first_plan(from).changes, std::vector<Change>{});
}

TEST_F(Adoption, RowsAreTakenOver) {
    auto file = saved();
    CheckStates const rows{{"deep", {MeasuredState::up, 3, 0, false}},
                           {"tcp", {MeasuredState::up, 0, 2, true}}};
    file.services[0].backends[0].checks = rows;
    EXPECT_EQ(adopted(file).health.at(b1), rows);
}

TEST_F(Adoption, ABackendThatARuleKeptOutStaysWhatItWasTakenFor) {
    measured[b1] = MeasuredState::down;
    publish();
    auto file = saved();
    auto& kept_out = file.services[0].backends[0];
    kept_out.checks["tcp"] = HealthState{.state = MeasuredState::up};
    kept_out.ruled = MeasuredState::down;
    kept_out.past = Past{.penalty = 3000, .damped = true, .rising = 1s};
    auto from = adopted(file);
    EXPECT_EQ(from.current.find(b1)->measured, MeasuredState::down);
    EXPECT_EQ(from.pasts, (std::map<BackendKey, Past>{{b1, *kept_out.past}}));
    from.health[b1]["tcp"].state = MeasuredState::down; // as it is ruled again
    EXPECT_EQ(first_plan(from).changes, std::vector<Change>{});
}

TEST_F(Adoption, PenaltiesAreTakenOverWithoutADatapathAndSlowStartsAreNot) {
    auto file = saved();
    file.services[0].backends[0].past = Past{.penalty = 3000, .damped = true, .rising = 1s};
    auto const from = adopt({std::nullopt, file, false, 257, 4097}, desired);
    EXPECT_EQ(from.pasts, (std::map<BackendKey, Past>{{b1, {.penalty = 3000, .damped = true}}}));
}

TEST_F(Adoption, TheTablesSayWhetherABackendIsNeededInSpiteOfARule) {
    auto file = saved();
    auto& damped = file.services[0].backends[0];
    damped.past = Past{.penalty = 3000, .damped = true};
    EXPECT_TRUE(adopted(file).pasts.at(b1).needed) << "it takes flows";
    measured[b1] = MeasuredState::down;
    publish();
    damped.past->needed = true; // written before that
    EXPECT_FALSE(adopted(file).pasts.at(b1).needed);
    EXPECT_TRUE(adopt({std::nullopt, file, false, 257, 4097}, desired).pasts.at(b1).needed)
        << "nothing else tells";
}

TEST_F(Adoption, AFallWaitsOnOnlyWhereTheTablesStillSayUp) {
    auto file = saved();
    auto& held = file.services[0].backends[0];
    held.past = Past{.held_for = 1s};
    EXPECT_EQ(adopted(file).pasts.at(b1), *held.past);
    EXPECT_EQ(adopt({std::nullopt, file, false, 257, 4097}, desired).pasts.at(b1), Past{});
    measured[b1] = MeasuredState::down;
    publish(); // after that the daemon was killed
    EXPECT_EQ(adopted(file).pasts.at(b1), Past{});
}

TEST_F(Adoption, AnOrderedWeightIsTakenOverAndTheTableItMade) {
    adjust[b1].weight = 300;
    publish();
    auto file = saved();
    file.services[0].backends[0].weight_order = WeightOrder{300, "why", 100};
    auto const from = adopted(file);
    EXPECT_EQ(from.weights, (std::map<BackendKey, WeightOrder>{{b1, {300, "why", 100}}}));
    auto const plan = first_plan(from);
    EXPECT_EQ(plan.changes, std::vector<Change>{});
    EXPECT_EQ(plan.slots_moved, 0U);
}

TEST_F(Adoption, ASlowStartUnderWayExplainsTheTableAndEnds) {
    adjust[b1].ramp = 3;
    publish();
    auto const from = adopted(saved());
    EXPECT_EQ(from.current.find(b1)->ramp, 3U);
    EXPECT_TRUE(from.current.find(b1)->eligible);
    EXPECT_EQ(first_plan(from).next.find(b1)->ramp, full_ramp);
}

TEST_F(Adoption, AFileOlderThanTheTablesIsNotBelieved) {
    auto const file = saved(); // both are up
    measured[b1] = MeasuredState::down;
    publish(); // ejects b1, with another incarnation; then the daemon was killed
    auto const from = adopted(file);
    EXPECT_FALSE(from.health.contains(b1));
    EXPECT_FALSE(from.stories.contains(b1));
    EXPECT_EQ(conjunction(from.health.at(b2)), MeasuredState::up);
    auto const plan = first_plan(from);
    EXPECT_FALSE(plan.next.find(b1)->eligible);
    EXPECT_EQ(plan.next.find(b1)->incarnation, last.find(b1)->incarnation);
}

TEST_F(Adoption, ARemovedBackendIsCutAndItsIdIsNotInherited) {
    auto const file = saved();
    auto& backends = desired.services[0].backends;
    backends.erase(backends.begin());
    backends.push_back(backends.front());
    backends.back().name = "b3";
    backends.back().address = Address::v4(0x0a4d'0004);
    auto const plan = first_plan(adopted(file));
    auto const* b3 = plan.next.find(BackendKey{"web", "b3"});
    auto const* before = last.find(b1);
    EXPECT_FALSE(plan.next.find(b1));
    EXPECT_TRUE(b3->id != before->id || b3->incarnation > before->incarnation);
    EXPECT_EQ(plan.next.find(b2)->incarnation, last.find(b2)->incarnation);
    EXPECT_EQ(plan.next.find(b2)->id, last.find(b2)->id);
}

TEST_F(Adoption, ABackendWithAnotherAddressInheritsNothingFromItsName) {
    admin[b1] = AdminState::maint;
    publish();
    auto const file = saved();
    desired.services[0].backends[0].address = Address::v4(0x0a4d'0009);
    auto const from = adopted(file);
    EXPECT_FALSE(from.orders.contains(b1));
    EXPECT_FALSE(from.health.contains(b1));
    EXPECT_FALSE(from.stories.contains(b1));
}

TEST_F(Adoption, ARenamedServiceIsAnotherService) {
    auto const file = saved();
    desired.services[0].name = "shop";
    auto const plan = first_plan(adopted(file));
    EXPECT_FALSE(plan.next.find("web"));
    EXPECT_NE(plan.next.find(BackendKey{"shop", "b1"})->incarnation, 0U);
    EXPECT_EQ(adopted(file).health.size(), 0U);
}

TEST_F(Adoption, AMaglevTableThatTheWeightsDoNotExplainIsMadeAnew) {
    auto file = saved();
    for (auto& backend : desired.services[0].backends)
        backend.weight = backend.name == "b1" ? 300 : 100;
    publish(); // with other weights; the file was not written any more
    auto const plan = first_plan(adopted(file));
    std::vector<MaglevEntry> entries;
    for (auto const& backend : plan.next.backends)
        entries.push_back({backend.id, identity_of(backend.address, backend.port, {}), backend.weight});
    EXPECT_EQ(*plan.next.services[0].maglev, build_maglev(entries));
}

TEST_F(Adoption, HealthIsNotInheritedWithoutADatapathButOrdersAre) {
    admin[b1] = AdminState::maint;
    publish();
    auto const from = adopt({std::nullopt, saved(), false, 257, 4097}, desired);
    EXPECT_EQ(from.current.number, 0U);
    EXPECT_EQ(from.health.size(), 0U);
    EXPECT_EQ(from.orders.size(), 1U);
    EXPECT_EQ(from.stories.count(b1), 1U);
    EXPECT_EQ(from.stories.count(b2), 0U);
}

TEST_F(Adoption, OfTablesThatCannotBeReadTakesHealthAndTheNumberFromTheFile) {
    auto const from = adopt({std::nullopt, saved(), true, 257, 4097}, desired);
    EXPECT_EQ(from.current.number, last.number);
    EXPECT_TRUE(from.current.backends.empty());
    EXPECT_EQ(conjunction(from.health.at(b1)), MeasuredState::up);
}

TEST_F(Adoption, IdsThatDoNotFitSmallerTablesAreGivenUp) {
    auto const from = adopt({tables(), saved(), true, 257, 2}, desired);
    ASSERT_EQ(from.current.backends.size(), 1U);
    auto const plan = first_plan(from);
    EXPECT_EQ(plan.next.find(from.current.backends[0].key)->id, from.current.backends[0].id);
}

} // namespace
} // namespace pointsman
