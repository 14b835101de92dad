#include "controller/model/address.hpp"
#include "controller/model/generation.hpp"
#include "controller/model/key_cursor.hpp"
#include "controller/model/key_table.hpp"
#include "controller/model/state.hpp"

#include <gtest/gtest.h>

namespace pointsman {
namespace {

using enum MeasuredState;

TEST(ModelAddress, ReadsAndWritesBothFamiliesInTheirUsualForm) {
    for (std::string const text :
         {"10.77.0.2", "0.0.0.0", "255.255.255.255", "::", "::1", "2001:db8::1", "fe80::1:2:3:4"})
        EXPECT_EQ(Address::parse(text).value().text(), text);
    EXPECT_EQ(Address::parse("2001:DB8:0:0:0:0:0:1").value().text(), "2001:db8::1");
}

TEST(ModelAddress, AnIpv4AddressIsItsMappedIpv6Address) {
    EXPECT_EQ(Address::parse("::ffff:10.77.0.2"), Address::parse("10.77.0.2"));
    EXPECT_EQ(Address::parse("10.77.0.2"), Address::v4(0x0a4d0002));
    EXPECT_TRUE(Address::v4(0x0a4d0002).is_v4());
    EXPECT_FALSE(Address::parse("::1").value().is_v4());
    EXPECT_EQ(Address::v4(0x0a4d0002).octets(),
              (std::array<std::uint8_t, 16>{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 77, 0, 2}));
}

TEST(ModelAddress, RefusesEverythingElse) {
    for (std::string const text : {"", "10.77.0", "10.77.0.256", "10.77.0.2 ", " 10.77.0.2", "010.77.0.2",
                                   "10.77.0.2/24", "10.77.0.2:80", "fe80::1%eth0", "[::1]", "localhost", "1"})
        EXPECT_EQ(Address::parse(text), std::nullopt) << text;
}

TEST(ModelAddress, ANulDoesNotEndTheText) {
    EXPECT_EQ(Address::parse(std::string_view{"10.77.0.2\0.evil", 15}), std::nullopt);
}

TEST(ModelAddress, KnowsTheUnspecifiedOnesOfBothFamilies) {
    for (char const* text : {"0.0.0.0", "::"})
        EXPECT_TRUE(Address::parse(text).value().is_unspecified()) << text;
    for (char const* text : {"0.0.0.1", "::1", "::ffff:0:1"})
        EXPECT_FALSE(Address::parse(text).value().is_unspecified()) << text;
    EXPECT_TRUE(Address{}.is_unspecified());
}

TEST(ModelState, TheAdminStateDecidesUnlessItIsReady) {
    for (auto const measured : {unknown, up, down, draining, resting}) {
        EXPECT_EQ(state_of(measured, AdminState::drain), State::drain);
        EXPECT_EQ(state_of(measured, AdminState::maint), State::maint);
    }
    EXPECT_EQ(state_of(up, AdminState::ready), State::up);
    EXPECT_EQ(state_of(down, AdminState::ready), State::down);
    EXPECT_EQ(state_of(unknown, AdminState::ready), State::down);
    EXPECT_EQ(state_of(draining, AdminState::ready), State::drain);
    EXPECT_EQ(state_of(resting, AdminState::ready), State::maint);
}

TEST(ModelState, ABackendIsNamedWithItsService) {
    EXPECT_EQ(text(BackendKey{"web", "b1"}), "web/b1");
}

GenerationBackend backend(std::uint16_t service, BackendKey key) {
    GenerationBackend out;
    out.service = ServiceId{service};
    out.key = std::move(key);
    return out;
}

TEST(ModelGeneration, FindsThingsByNameAndId) {
    Generation generation;
    generation.services.resize(2);
    generation.services[1].name = "dns";
    generation.backends = {backend(1, {}), backend(2, {"dns", "b1"})};
    generation.backends.edit(1).id = BackendId{7};
    EXPECT_EQ(generation.find("dns"), &generation.services[1]);
    EXPECT_EQ(generation.find("web"), nullptr);
    EXPECT_EQ(generation.find(BackendKey{"dns", "b1"}), &generation.backends[1]);
    EXPECT_EQ(generation.find(BackendKey{"dns", "b2"}), nullptr);
    EXPECT_EQ(generation.find(BackendId{7}), &generation.backends[1]);
    EXPECT_EQ(generation.find(BackendId{8}), nullptr);
}

TEST(ModelGeneration, ALookupFindsThingsWhereverTheyAreExpected) {
    Generation generation;
    for (unsigned i = 0; i < 5; ++i) {
        generation.services.emplace_back().name = "s" + std::to_string(i);
        generation.backends.push_back(backend(1, {"s", "b" + std::to_string(i)}));
    }
    GenerationLookup lookup{generation};
    for (std::size_t expected_at = 0; expected_at < 7; ++expected_at)
        for (std::size_t i = 0; i < 6; ++i) {
            auto const number = std::to_string(i);
            EXPECT_EQ(lookup.service("s" + number, expected_at), i < 5 ? &generation.services[i] : nullptr);
            EXPECT_EQ(lookup.backend({"s", "b" + number}, expected_at),
                      i < 5 ? &generation.backends.shared(i) : nullptr);
        }
}

TEST(KeyCursor, FindsKeysInTheMapsOrderAndInAnyOther) {
    std::map<std::string, int> const map{{"b1", 1}, {"b10", 10}, {"b2", 2}, {"b3", 3}};
    KeyCursor cursor{map};
    for (auto const& [key, value] : map)
        EXPECT_EQ(cursor.value_or(key, 0), value);
    for (std::string const key : {"b3", "b1", "b2", "b10", "b10"})
        EXPECT_EQ(cursor.value_or(key, 0), map.at(key));
    EXPECT_EQ(cursor.find("b4"), nullptr);
    EXPECT_EQ(cursor.value_or("a", 7), 7);
    EXPECT_EQ(cursor.value_or("b1", 7), 1);
}

TEST(KeyTable, FindsWhatAMapWouldAndIsReadInItsOrder) {
    std::map<BackendKey, int> map;
    for (int i = 0; i < 300; ++i)
        map[{"s" + std::to_string(i % 7), "b" + std::to_string(i)}] = i;
    KeyTable<int> const table{map};
    EXPECT_TRUE(std::ranges::equal(table, map, [](auto const& one, auto const& other) {
        return one.first == other.first && one.second == other.second;
    }));
    for (auto const& [key, value] : map)
        EXPECT_EQ(table.find(key) ? *table.find(key) : -1, value);
    EXPECT_EQ(table.find({"s0", "b1"}), nullptr);
    EXPECT_EQ(table.find({"", ""}), nullptr);
    EXPECT_EQ(table.from({"s3", {}})->first.service, "s3");
    EXPECT_EQ(table.from({"s7", {}}), table.end());
}

TEST(KeyTable, ACopyFindsItsOwnValues) {
    KeyTable<int> table{{{{"web", "b1"}, 1}}};
    auto copy = table;
    *copy.find({"web", "b1"}) = 2;
    EXPECT_EQ(*table.find({"web", "b1"}), 1);
    EXPECT_EQ(*copy.find({"web", "b1"}), 2);
    EXPECT_EQ(KeyTable<int>{}.find({"web", "b1"}), nullptr);
}

} // namespace
} // namespace pointsman
