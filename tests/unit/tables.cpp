#include "tests/unit/tables.hpp"

#include <arpa/inet.h>
#include <map>

namespace pointsman::test {
namespace {

/// Looks a port up as the programs do: PM_SLOT_PROBES slots from the hash on. 0 is none.
unsigned find_slot(Half const& half, char const* at, std::uint16_t port, Protocol protocol) {
    auto const wanted = to_abi(address(at));
    auto const number = static_cast<std::uint8_t>(protocol);
    auto const start = pm_slot_hash(&wanted, htons(port), number);
    for (std::uint32_t i = 0; i < PM_SLOT_PROBES; ++i) {
        auto const& slot = half.slots[(start + i) & (half.slots.size() - 1)];
        if (slot.protocol == 0) return 0;
        if (std::memcmp(&slot.address, &wanted, sizeof(wanted)) == 0 && slot.port == htons(port) &&
            slot.protocol == number)
            return slot.service;
    }
    return 0;
}

TEST(Tables, WriteAServiceToTheOctet) {
    Generation generation;
    generation.number = 0x100000011;
    generation.services = {service(2, 80, 80)};
    generation.services[0].on_down = OnDown::keep;
    generation.services[0].protocol = Protocol::udp;
    generation.services[0].second_chance = true;
    generation.services[0].maglev =
        std::make_shared<MaglevTable const>(std::vector<BackendId>(maglev_size, BackendId{3}));
    Half half;
    ASSERT_EQ(write(generation, half), "");
    pm_service expected{};
    expected.address.word[2] = htonl(0xffff);
    expected.address.word[3] = htonl(0x0a4d0064);
    expected.protocol = 17;
    expected.on_down = PM_ON_DOWN_KEEP;
    expected.flags = PM_SERVICE_SECOND_CHANCE;
    expected.maglev_size = 16381;
    expected.idle_ticks = 15 * 60 * 250;
    expected.half_open_ticks = 20 * 250;
    expected.closing_ticks = 3 * 60 * 250;
    expected.generation = 0x11;
    EXPECT_TRUE(same_octets(half.services[2], expected));
    for (std::size_t const unused : {0, 1, 3})
        EXPECT_TRUE(same_octets(half.services[unused], pm_service{}));
}

TEST(Tables, WriteABackendToTheOctet) {
    Generation generation;
    generation.number = 17;
    generation.nat_addresses = {Address{}, address("10.77.0.4"), address("10.77.0.5"), address("10.77.0.6")};
    generation.backends = {backend(2, "10.77.0.2")};
    generation.backends.edit(0).next_hop = NextHop{5, {1, 2, 3, 4, 5, 6}, {7, 8, 9, 10, 11, 12}};
    generation.backends.edit(0).nat_addresses = {address("10.77.0.5"), address("10.77.0.6")};
    Half half;
    ASSERT_EQ(write(generation, half), "");
    pm_backend expected{};
    expected.address = {{0, 0, htonl(0xffff), htonl(0x0a4d0002)}};
    expected.port = htons(8080);
    expected.service = 1;
    expected.incarnation = 7;
    expected.ifindex = 5;
    std::ranges::copy(std::to_array<__u8>({1, 2, 3, 4, 5, 6}), expected.next_hop);
    std::ranges::copy(std::to_array<__u8>({7, 8, 9, 10, 11, 12}), expected.source);
    expected.nat_first = 2;
    expected.nat_count = 2;
    expected.generation = 17;
    EXPECT_TRUE(same_octets(half.backends[2], expected));
    for (std::size_t const unused : {0, 1, 3})
        EXPECT_TRUE(same_octets(half.backends[unused], pm_backend{}));
}

TEST(Tables, ABackendWithoutANextHopHasNoInterfaceAndOneWithoutASourceNoNatAddress) {
    Generation generation;
    generation.backends = {backend(1, "10.77.0.2")};
    Half half;
    ASSERT_EQ(write(generation, half), "");
    EXPECT_EQ(half.backends[1].ifindex, 0U);
    EXPECT_EQ(half.backends[1].nat_count, 0);
}

TEST(Tables, WriteTheNatAddressesByTheirIndex) {
    Generation generation;
    generation.nat_addresses = {Address{}, address("10.77.0.5"), address("2001:db8::5")};
    Half half;
    ASSERT_EQ(write(generation, half), "");
    EXPECT_TRUE(same_octets(half.nat_addresses[0], pm_addr{}));
    EXPECT_EQ(from_abi(half.nat_addresses[1]), address("10.77.0.5"));
    EXPECT_EQ(from_abi(half.nat_addresses[2]), address("2001:db8::5"));
    EXPECT_TRUE(same_octets(half.nat_addresses[3], pm_addr{}));
}

TEST(Tables, WriteALinkWhereLinearProbingFindsIt) {
    Generation generation;
    generation.links = {{3, {1, 2, 3, 4, 5, 6}}, {67, {6, 5, 4, 3, 2, 1}, true}}; // 67 starts at slot 3 too
    Half half;
    ASSERT_EQ(write(generation, half), "");
    EXPECT_TRUE(same_octets(half.links[3], link_entry(3, {1, 2, 3, 4, 5, 6}, 0)));
    EXPECT_TRUE(same_octets(half.links[4], link_entry(67, {6, 5, 4, 3, 2, 1}, PM_OUT_PEER)));
    EXPECT_EQ(std::ranges::count(half.links, 0U, &pm_link::ifindex), PM_LINK_SLOTS - 2);
}

TEST(Tables, ABackendBehindAVethOfAnotherNamespaceIsReachedThroughItsPeer) {
    Generation generation;
    generation.backends = {backend(1, "10.77.0.2"), backend(2, "10.77.0.3")};
    generation.backends.edit(0).next_hop = NextHop{.ifindex = 5};
    generation.backends.edit(1).next_hop = NextHop{.ifindex = 5, .peer_elsewhere = true};
    Half half;
    ASSERT_EQ(write(generation, half), "");
    EXPECT_EQ(half.backends[1].out_flags, 0U);
    EXPECT_EQ(half.backends[2].out_flags, PM_OUT_PEER);
}

TEST(Tables, WriteTheMaglevTableOfAServiceInItsOwnChunks) {
    std::vector<BackendId> slots(maglev_size, BackendId{1});
    slots.front() = BackendId{2};
    slots.back() = BackendId{3};
    Generation generation;
    generation.services = {service(1, 80, 80)};
    generation.services[0].maglev = std::make_shared<MaglevTable const>(slots);
    Half half;
    ASSERT_EQ(write(generation, half), "");
    for (std::size_t i = 0; i < maglev_size; ++i)
        ASSERT_EQ(half.maglev[chunks + i / PM_MAGLEV_CHUNK].backend[i % PM_MAGLEV_CHUNK],
                  static_cast<__u16>(slots[i]));
    EXPECT_EQ(half.maglev[2 * chunks - 1].backend[PM_MAGLEV_CHUNK - 1], 0); // behind the last slot
}

TEST(Tables, EveryPortOfARangeIsFoundByLinearProbingAndNoOther) {
    Generation generation;
    generation.services = {service(1, 8000, 8100), service(2, 9000, 9000), service(3, 8000, 8100)};
    generation.services[2].protocol = Protocol::udp;
    Half half{65536};
    ASSERT_EQ(write(generation, half), "");
    for (unsigned port = 7990; port <= 9010; ++port) {
        auto const number = static_cast<std::uint16_t>(port);
        auto const in_range = port >= 8000 && port <= 8100;
        EXPECT_EQ(find_slot(half, "10.77.0.100", number, Protocol::tcp), in_range       ? 1U
                                                                         : port == 9000 ? 2U
                                                                                        : 0U);
        EXPECT_EQ(find_slot(half, "10.77.0.100", number, Protocol::udp), in_range ? 3U : 0U);
        EXPECT_EQ(find_slot(half, "10.77.0.101", number, Protocol::tcp), 0U);
    }
    EXPECT_EQ(std::ranges::count(half.slots, 0, &pm_service_slot::protocol),
              65536 - 203 - 3); // one for ping, two for fragments
}

TEST(Tables, FragmentsHaveTheOneUdpServiceOfAnAddressThatNobodyShares) {
    using Services = std::map<unsigned, unsigned>; // by protocol
    constexpr unsigned shared = 0xffff;
    auto const of_fragments = [](Generation const& generation) {
        Half half;
        EXPECT_EQ(write(generation, half), "");
        Services services;
        for (auto const& slot : half.slots)
            if (slot.protocol == PM_SLOT_FRAGMENTS && from_abi(slot.address) == address("10.77.0.100"))
                services[ntohs(slot.port)] = (slot.flags & PM_SLOT_SHARED) ? shared : slot.service;
        return services;
    };
    Generation generation;
    generation.services = {service(1, 80, 80), service(2, 53, 53)};
    EXPECT_EQ(of_fragments(generation), (Services{{IPPROTO_TCP, 0}}));
    generation.services[1].protocol = Protocol::udp;
    EXPECT_EQ(of_fragments(generation), (Services{{IPPROTO_TCP, 0}, {IPPROTO_UDP, 2}}));
    generation.services[0].protocol = Protocol::udp;
    EXPECT_EQ(of_fragments(generation), (Services{{IPPROTO_UDP, 0}}));
    generation.services[0].address = address("10.77.0.101");
    EXPECT_EQ(of_fragments(generation), (Services{{IPPROTO_UDP, 2}}));
    generation.services[1].own_address = true;
    EXPECT_EQ(of_fragments(generation), (Services{{IPPROTO_UDP, shared}}));
    generation.services[1].address = address("10.77.0.101");
    EXPECT_EQ(of_fragments(generation), Services{});
    generation.nat_addresses = {Address{}, address("10.77.0.100")};
    EXPECT_EQ(of_fragments(generation), (Services{{IPPROTO_TCP, shared}, {IPPROTO_UDP, shared}}));
}

TEST(Tables, AServiceOfManyThousandPortsFitsTheRealSize) {
    Generation generation;
    generation.services = {service(1, 1, 20000)};
    Half half{65536};
    ASSERT_EQ(write(generation, half), "");
    for (unsigned port = 1; port <= 20000; ++port)
        ASSERT_EQ(find_slot(half, "10.77.0.100", static_cast<std::uint16_t>(port), Protocol::tcp), 1U)
            << port;
}

TEST(Tables, MorePortsThanLinearProbingReachesAreRefused) {
    Generation generation;
    generation.services = {service(1, 1, 200)};
    Half half{128};
    EXPECT_EQ(write(generation, half), "too many service ports: s1 does not fit");
}

TEST(Tables, MoreServicesThanThereIsRoomForAreRefused) {
    Generation generation;
    generation.services = {service(3, 80, 80), service(4, 81, 81)};
    Half half;
    EXPECT_EQ(write(generation, half), "more services than datapath.services allows");
    generation.services.pop_back();
    EXPECT_EQ(write(generation, half), "");
}

TEST(Tables, MoreBackendsThanThereIsRoomForAreRefused) {
    Generation generation;
    generation.backends = {backend(4, "10.77.0.2")};
    Half half;
    EXPECT_EQ(write(generation, half), "more backends than datapath.backends allows");
}

TEST(Tables, MoreNatAddressesThanThereIsRoomForAreRefused) {
    Generation generation;
    for (std::uint32_t i = 0; i < PM_NAT_ADDRESSES; ++i)
        generation.nat_addresses.push_back(Address::v4(i));
    Half half;
    EXPECT_EQ(write(generation, half), "");
    generation.nat_addresses.push_back(address("10.77.0.5"));
    EXPECT_EQ(write(generation, half), "more than 63 NAT addresses since the start");
}

TEST(Tables, MoreInterfacesThanLinearProbingReachesAreRefused) {
    Generation generation;
    for (std::uint32_t i = 0; i < PM_LINK_PROBES; ++i)
        generation.links.push_back({1 + i * PM_LINK_SLOTS, {}});
    Half half;
    EXPECT_EQ(write(generation, half), "");
    generation.links.push_back({1 + PM_LINK_PROBES * PM_LINK_SLOTS, {}});
    EXPECT_EQ(write(generation, half), "more interfaces than the datapath has room for");
}

TEST(Tables, AnIdleTimeoutIsAtLeastOneTickAndFits31Bits) {
    Generation generation;
    generation.services = {service(1, 80, 80), service(2, 81, 81), service(3, 82, 82)};
    generation.services[0].idle_timeout = 1ms;
    generation.services[1].idle_timeout = 1s;
    generation.services[2].idle_timeout = 24h * 365;
    Half half;
    ASSERT_EQ(write(generation, half), "");
    EXPECT_EQ(half.services[1].idle_ticks, 1U);
    EXPECT_EQ(half.services[2].idle_ticks, 250U);
    EXPECT_EQ(half.services[3].idle_ticks, 0x7fffffffU);
}

} // namespace
} // namespace pointsman::test
