// A seeded random walk over reloads, health, admin orders and the network: what must hold after every step.
#include "controller/plan/plan.hpp"

#include "controller/plan/maglev.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace pointsman {
namespace {

constexpr unsigned service_names = 3;
constexpr unsigned backend_names = 5;
constexpr unsigned addresses = 8;

/// The world outside the plan, moved by chance.
class World {
public:
    explicit World(std::uint32_t seed) : random_{seed} { reload(); }

    void move() {
        switch (below(6)) {
        case 0: reload(); break;
        case 1: admin[any_backend()] = static_cast<AdminState>(below(3)); break;
        case 2: network.routes[any_address()] = any_route(); break;
        case 3: network.links = {{1 + below(3), {2, 0, 0, 0, 0, 1}}}; break;
        default: measured[any_backend()] = static_cast<MeasuredState>(below(3)); break;
        }
    }

    [[nodiscard]] PlanInput input() const { return {desired, measured, admin, network}; }

    DesiredState desired;
    std::map<BackendKey, MeasuredState> measured;
    std::map<BackendKey, AdminState> admin;
    NetworkView network;

private:
    unsigned below(unsigned limit) { return std::uniform_int_distribution<unsigned>{0, limit - 1}(random_); }
    bool one_in(unsigned count) { return below(count) == 0; }

    Address any_address() { return Address::v4(0x0a4d0002 + below(addresses)); }
    BackendKey any_backend() {
        return {"s" + std::to_string(below(service_names)), "b" + std::to_string(below(backend_names))};
    }

    Route any_route() {
        Route route;
        if (!one_in(3)) route.next_hop = NextHop{1 + below(3), {2, 0, 0, 0, 0, 9}, {2, 0, 0, 0, 0, 1}};
        if (!one_in(4)) route.source = Address::v4(0xc0000201 + below(4));
        return route;
    }

    /// Some of the services, each with some of its backends, at addresses that now and then change.
    void reload() {
        desired.services.clear();
        for (unsigned s = 0; s < service_names; ++s)
            if (!one_in(4)) desired.services.push_back(any_service(s));
        std::ranges::shuffle(desired.services, random_);
        desired.datapath.nat_addresses.clear();
        if (one_in(3)) desired.datapath.nat_addresses = {Address::v4(0x0a4d0005), Address::v4(0x0a4d0006)};
    }

    Service any_service(unsigned index) {
        Service service;
        service.name = "s" + std::to_string(index);
        service.address = Address::v4(0x0a4d0064 + index + (one_in(6) ? 100 : 0));
        service.port_first = service.port_last = 80;
        service.on_down = static_cast<OnDown>(below(4));
        service.panic_threshold = 50 * below(3);
        for (unsigned b = 0; b < backend_names; ++b) {
            if (one_in(4)) continue;
            auto const moved = one_in(8) ? addresses - backend_names : 0;
            service.backends.push_back({.name = "b" + std::to_string(b),
                                        .address = Address::v4(0x0a4d0002 + b + moved),
                                        .port = 80,
                                        .weight = one_in(5) ? 0 : 1 + below(200),
                                        .backup = one_in(5),
                                        .check = {}});
        }
        std::ranges::shuffle(service.backends, random_);
        return service;
    }

    std::mt19937 random_;
};

std::string text_of(GenerationBackend const& backend, Generation const& in) {
    return text(backend.key) + " of generation " + std::to_string(in.number);
}

void expect_unique_ids(Generation const& next) {
    std::set<BackendId> backends{BackendId::none};
    for (auto const& backend : next.backends)
        EXPECT_TRUE(backends.insert(backend.id).second) << text_of(backend, next);
    std::set<ServiceId> services{ServiceId::none};
    for (auto const& service : next.services)
        EXPECT_TRUE(services.insert(service.id).second) << service.name;
}

void expect_sound_eligibility(Generation const& next) {
    for (auto const& service : next.services)
        for (auto const& backend : next.backends) {
            if (backend.service != service.id || !backend.eligible) continue;
            EXPECT_TRUE(backend.measured == MeasuredState::up || service.panic) << text_of(backend, next);
            EXPECT_NE(backend.measured, MeasuredState::unknown) << text_of(backend, next);
            EXPECT_EQ(backend.admin, AdminState::ready) << text_of(backend, next);
            EXPECT_TRUE(backend.next_hop && !backend.nat_addresses.empty()) << text_of(backend, next);
            EXPECT_TRUE(backend.keeps_sessions && backend.weight > 0) << text_of(backend, next);
        }
}

/// The table holds exactly the eligible backends. (No weight here is so small that it gets no slot.)
void expect_matching_tables(Generation const& next) {
    for (auto const& service : next.services) {
        std::set<BackendId> expected;
        for (auto const& backend : next.backends)
            if (backend.service == service.id && backend.eligible) expected.insert(backend.id);
        auto const slots = service.maglev->slots();
        EXPECT_EQ((std::set<BackendId>{slots.begin(), slots.end()}), expected);
        EXPECT_EQ(slots.size(), expected.empty() ? 0 : maglev_size);
    }
}

/// Each backend's source addresses stand side by side in the table of the kernel, which only ever grows.
void expect_nat_addresses(Generation const& was, Generation const& next) {
    EXPECT_TRUE(
        std::ranges::equal(was.nat_addresses, std::span{next.nat_addresses}.first(was.nat_addresses.size())));
    for (auto const& backend : next.backends)
        EXPECT_TRUE(backend.nat_addresses.empty() ||
                    !std::ranges::search(next.nat_addresses, backend.nat_addresses).empty());
}

bool same_flows_go_there(Generation const& was, GenerationBackend const& before, Generation const& next,
                         GenerationBackend const& now) {
    auto const* service_before = was.find(before.key.service);
    auto const* service_now = next.find(now.key.service);
    return before.key == now.key && before.address == now.address && before.port == now.port &&
           service_before->address == service_now->address &&
           service_before->port_first == service_now->port_first &&
           service_before->port_last == service_now->port_last &&
           service_before->protocol == service_now->protocol;
}

/// A session, which remembers (backend id, incarnation, service id), goes on exactly where it should.
void expect_right_sessions(Generation const& was, Generation const& next, bool cuts_sessions) {
    bool cut = false;
    for (auto const& now : next.backends) {
        auto const* before = was.find(now.id);
        EXPECT_GE(now.incarnation, before ? before->incarnation : 1U) << text_of(now, next);
        EXPECT_EQ(now.incarnation, next.incarnations[static_cast<std::size_t>(now.id)]);
        if (!before) continue;
        auto const valid = before->incarnation == now.incarnation && before->service == now.service;
        auto const same = same_flows_go_there(was, *before, next, now);
        auto const ended = before->keeps_sessions && !now.keeps_sessions;
        EXPECT_EQ(valid, same && !ended) << text_of(now, next);
        cut |= same && ended;
    }
    EXPECT_EQ(cuts_sessions, cut) << next.number;
}

/// No (backend id, incarnation) is ever given to a second server.
void expect_never_given_twice(Generation const& next,
                              std::map<std::pair<BackendId, std::uint32_t>, std::string>& owners) {
    for (auto const& backend : next.backends) {
        auto const* service = next.find(backend.key.service);
        auto const owner =
            text(backend.key) + " " + backend.address.text() + " of " + service->address.text();
        auto const [known, fresh] = owners.try_emplace({backend.id, backend.incarnation}, owner);
        EXPECT_EQ(known->second, owner) << text_of(backend, next);
    }
}

/// What packets would notice is never published without a change that says so.
void expect_listed(Generation const& was, Plan const& plan) {
    if (!plan.changes.empty()) return;
    EXPECT_FALSE(plan.cuts_sessions) << plan.next.number;
    EXPECT_EQ(plan.slots_moved, 0U) << plan.next.number;
    for (auto const& now : plan.next.backends) {
        auto const* before = was.find(now.id);
        EXPECT_TRUE(before && before->incarnation == now.incarnation) << text_of(now, plan.next);
    }
}

void expect_same(Plan const& a, Plan const& b) {
    EXPECT_EQ(a.next.backends, b.next.backends);
    EXPECT_EQ(a.changes, b.changes);
    EXPECT_EQ(a.slots_moved, b.slots_moved);
    EXPECT_EQ(a.cuts_sessions, b.cuts_sessions);
    for (std::size_t i = 0; i < a.next.services.size(); ++i)
        EXPECT_EQ(*a.next.services[i].maglev, *b.next.services[i].maglev);
}

/// A plan of a part leaves the rest as it was, and one of everything after it leads to the same end.
void expect_same_by_way_of(PlanScope const& only, World const& world, Generation const& current,
                           Plan const& plan) {
    auto input = world.input();
    input.only = &only;
    auto const few = plan_next(input, current);
    expect_unique_ids(few.next);
    expect_sound_eligibility(few.next);
    expect_matching_tables(few.next);
    expect_nat_addresses(current, few.next);
    expect_right_sessions(current, few.next, few.cuts_sessions);
    expect_listed(current, few);
    bool const others_changed = std::ranges::any_of(few.changes, [](Change const& change) {
        return change.key.service != "s0" && !change.key.service.empty();
    });
    if (others_changed) expect_same(few, plan); // a reload: all were looked at
    auto const end = plan_next(world.input(), few.next);
    EXPECT_EQ(end.next.backends, plan.next.backends);
    for (std::size_t i = 0; i < plan.next.services.size(); ++i)
        EXPECT_EQ(*end.next.services[i].maglev, *plan.next.services[i].maglev);
}

/// The same of one backend of that service: the others of it share their values with the current generation,
/// unless their treatment changes with it.
void expect_same_by_way_of_one(World const& world, Generation const& current, Plan const& plan) {
    auto const* service = current.find(std::string_view{"s0"});
    if (!service || current.backends.of(service->id).empty()) return;
    auto const& key = current.backends.of(service->id).front().key;
    PlanScope const only{{"s0"}, std::set{key}};
    expect_same_by_way_of(only, world, current, plan);
    auto input = world.input();
    input.only = &only;
    auto const few = plan_next(input, current);
    few.next.backends.for_each_apart_from(current.backends, [&](GenerationBackend const& now) {
        auto const* before = current.find(now.id);
        bool const same_treatment = before && before->eligible == now.eligible &&
                                    before->keeps_sessions == now.keeps_sessions &&
                                    before->incarnation == now.incarnation;
        if (few.next.services.size() == current.services.size() && now.key != key && same_treatment) {
            EXPECT_EQ(few.next.backends, plan.next.backends) << "a reload: everything was looked at";
        }
    });
}

class PlanWalk : public testing::TestWithParam<std::uint32_t> {};

TEST_P(PlanWalk, EveryStepKeepsWhatIsPromised) {
    World world{GetParam()};
    Generation current;
    std::map<std::pair<BackendId, std::uint32_t>, std::string> owners;
    for (int step = 0; step < 60 && !HasFailure(); ++step) {
        auto const plan = plan_next(world.input(), current);
        expect_unique_ids(plan.next);
        expect_sound_eligibility(plan.next);
        expect_matching_tables(plan.next);
        expect_nat_addresses(current, plan.next);
        expect_right_sessions(current, plan.next, plan.cuts_sessions);
        expect_never_given_twice(plan.next, owners);
        expect_listed(current, plan);
        expect_same(plan_next(world.input(), current), plan);
        expect_same_by_way_of({{"s0"}}, world, current, plan);
        expect_same_by_way_of_one(world, current, plan);
        current = plan.next;
        EXPECT_EQ(plan_next(world.input(), current).changes, std::vector<Change>{});
        world.move();
    }
}

INSTANTIATE_TEST_SUITE_P(Seeds, PlanWalk, testing::Range(0U, 40U));

} // namespace
} // namespace pointsman
