// The list of changes that the audit trail, the log and `publish` read.
#include "controller/plan/changes.hpp"

#include "controller/plan/maglev.hpp"

#include <gtest/gtest.h>

namespace pointsman {
namespace {

using namespace std::chrono_literals;

GenerationBackend backend(BackendKey key, std::uint32_t id, char const* address) {
    GenerationBackend out;
    out.id = static_cast<BackendId>(id);
    out.service = ServiceId{1};
    out.key = std::move(key);
    out.address = Address::parse(address).value();
    out.port = 80;
    out.weight = 100;
    out.measured = MeasuredState::up;
    out.next_hop = NextHop{2, {0x02, 0x42, 0xac, 0x11, 0x00, 0x02}, {2, 0, 0, 0, 0, 1}};
    out.nat_addresses = {Address::v4(0x0a4d0005)};
    return out;
}

MaglevTable table(std::vector<std::uint32_t> const& ids) {
    std::vector<BackendId> slots;
    for (auto const id : ids)
        slots.push_back(static_cast<BackendId>(id));
    return MaglevTable{slots};
}

Generation two_backends() {
    Generation out;
    GenerationService web;
    web.id = ServiceId{1};
    web.name = "web";
    web.address = Address::v4(0x0a4d0064);
    web.port_first = web.port_last = 80;
    web.idle_timeout = 15min;
    web.half_open_timeout = 30s;
    web.closing_timeout = 2min;
    web.maglev = std::make_shared<MaglevTable const>(table({1, 2, 1, 2}));
    out.services = {web};
    out.backends = {backend({"web", "b1"}, 1, "10.77.0.2"), backend({"web", "b2"}, 2, "10.77.0.3")};
    out.links = {{2, {2, 0, 0, 0, 0, 1}}};
    return out;
}

std::string changes_text(Generation const& was, Generation const& now) {
    std::string out;
    for (auto const& change : changes_between(was, now))
        out += std::string{name_of(change.kind)} + " " + text(change.key) + ": " + change.was + " -> " +
               change.now + "\n";
    return out;
}

/// The changes that follow from one edit of two_backends().
template<typename Edit>
std::string after(Edit edit) {
    auto now = two_backends();
    edit(now);
    return changes_text(two_backends(), now);
}

TEST(PlanChanges, ThereAreNoneBetweenEqualGenerations) {
    EXPECT_EQ(after([](Generation&) {}), "");
    EXPECT_EQ(after([](Generation& now) { now.number = 99; }), "");
    EXPECT_EQ(changes_text({}, {}), "");
}

TEST(PlanChanges, TheFirstGenerationListsEverythingAndTheLastEverythingAgain) {
    EXPECT_EQ(changes_text({}, two_backends()),
              R"(service web/: absent -> 10.77.0.100:80/tcp forward=nat on_down=reset
backend web/b1: absent -> up
backend web/b2: absent -> up
next_hop /: links -> links
)");
    EXPECT_EQ(changes_text(two_backends(), {}), R"(backend web/b1: up -> absent
backend web/b2: up -> absent
service web/: 10.77.0.100:80/tcp forward=nat on_down=reset -> absent
next_hop /: links -> links
)");
}

TEST(PlanChanges, AStateThatChangesIsNamedWithItsOldOne) {
    EXPECT_EQ(after([](Generation& now) {
                  now.backends.edit(0).measured = MeasuredState::down;
                  now.backends.edit(1).admin = AdminState::drain;
              }),
              "backend web/b1: up -> down\nbackend web/b2: up -> drain\n");
}

TEST(PlanChanges, WhatIsMeasuredUnderAnAdminStateIsNoChange) {
    auto was = two_backends();
    was.backends.edit(0).admin = AdminState::maint;
    auto now = was;
    now.backends.edit(0).measured = MeasuredState::down;
    EXPECT_EQ(changes_text(was, now), "");
}

TEST(PlanChanges, AWeightThatChangesIsNamedWithItsOldOne) {
    EXPECT_EQ(after([](Generation& now) { now.backends.edit(1).weight = 0; }), "weight web/b2: 100 -> 0\n");
}

TEST(PlanChanges, ANextHopThatChangesIsNamedWithInterfaceAndMac) {
    EXPECT_EQ(after([](Generation& now) {
                  now.backends.edit(0).next_hop->ifindex = 3;
                  now.backends.edit(1).next_hop.reset();
              }),
              "next_hop web/b1: if2 02:42:ac:11:00:02 -> if3 02:42:ac:11:00:02\n"
              "next_hop web/b2: if2 02:42:ac:11:00:02 -> unresolved\n");
}

TEST(PlanChanges, APanicBelongsToItsService) {
    EXPECT_EQ(after([](Generation& now) { now.services[0].panic = true; }), "panic web/: off -> on\n");
}

TEST(PlanChanges, AServiceThatChangesIsDescribedBeforeAndAfter) {
    EXPECT_EQ(after([](Generation& now) {
                  now.services[0].port_last = 90;
                  now.services[0].protocol = Protocol::udp;
                  now.services[0].on_down = OnDown::drop;
              }),
              "service web/: 10.77.0.100:80/tcp forward=nat on_down=reset -> 10.77.0.100:80-90/udp "
              "forward=nat on_down=drop\n");
}

TEST(PlanChanges, ABackendThatIsAnotherServerIsNewUnderItsOldName) {
    EXPECT_EQ(after([](Generation& now) { now.backends.edit(0).address = Address::v4(0x0a4d0009); }),
              "backend web/b1: absent -> up\n");
}

TEST(PlanChanges, WhatTheDatapathWouldNoticeIsNeverLeftOut) {
    auto const edits = std::to_array<void (*)(Generation&)>({
        [](Generation& now) { now.services[0].idle_timeout = 1s; },
        [](Generation& now) { now.services[0].half_open_timeout = 1s; },
        [](Generation& now) { now.services[0].closing_timeout = 1s; },
        [](Generation& now) { now.backends.edit(0).backup = true; },
        [](Generation& now) { now.backends.edit(0).port = 81; },
        [](Generation& now) { now.backends.edit(0).incarnation = 9; },
        [](Generation& now) { now.backends.edit(0).next_hop->mac[5] = 9; },
        [](Generation& now) { now.backends.edit(0).next_hop->source[5] = 9; },
        [](Generation& now) { now.backends.edit(0).nat_addresses = {Address::v4(0x0a4d0006)}; },
        [](Generation& now) { now.backends.edit(0).source_bits = 8; },
        [](Generation& now) { now.links[0].slot = 9; },
        [](Generation& now) {
            now.links.push_back({3, {2, 0, 0, 0, 0, 3}});
        },
        [](Generation& now) { now.links[0].mac[5] = 9; },
    });
    for (std::size_t i = 0; i < edits.size(); ++i)
        EXPECT_NE(after(edits[i]), "") << "edit " << i;
}

TEST(PlanChanges, TheOrderOfTheConfigurationIsNoChange) {
    EXPECT_EQ(after([](Generation& now) { now.backends = {now.backends[1], now.backends[0]}; }), "");
}

TEST(PlanChanges, CountsTheSlotsOfAllServicesThatLeadElsewhere) {
    auto was = two_backends();
    auto now = two_backends();
    EXPECT_EQ(slots_moved_between(was, now), 0U);
    now.services[0].maglev = std::make_shared<MaglevTable const>(table({1, 1, 1, 1}));
    EXPECT_EQ(slots_moved_between(was, now), 2U);
    now.services.push_back(now.services[0]);
    now.services[1].name = "dns";
    EXPECT_EQ(slots_moved_between(was, now), 6U);
    EXPECT_EQ(slots_moved_between({}, now), 8U);
}

} // namespace
} // namespace pointsman
