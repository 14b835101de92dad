// A generation that was written into a half is read back from it by the next daemon.
#include "controller/datapath/tables_read.hpp"

#include <gtest/gtest.h>

namespace pointsman {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t chunks = (maglev_size + PM_MAGLEV_CHUNK - 1) / PM_MAGLEV_CHUNK;
constexpr std::uint64_t ticks_per_second = 250;

struct Half {
    TableHalf view() { return {slots, services, maglev, backends, nat_addresses, links, chunks}; }

    std::vector<pm_service_slot> slots{4096};
    std::vector<pm_service> services{4};
    std::vector<pm_maglev_chunk> maglev{std::size_t{4} * chunks};
    std::vector<pm_backend> backends{8};
    std::vector<pm_addr> nat_addresses{PM_NAT_ADDRESSES};
    std::vector<pm_link> links{PM_LINK_SLOTS};
};

GenerationBackend backend(std::uint32_t id, std::uint16_t service, bool eligible) {
    GenerationBackend out;
    out.id = static_cast<BackendId>(id);
    out.service = ServiceId{service};
    out.address = Address::v4(0x0a4d'0000 + id);
    out.port = static_cast<std::uint16_t>(8000 + id);
    out.incarnation = id + 10;
    out.eligible = eligible;
    out.nat_addresses = {Address::v4(0x0a4d'0005)};
    return out;
}

Generation example() {
    Generation out;
    out.number = 77;
    for (std::uint16_t id = 1; id <= 2; ++id) {
        GenerationService service;
        service.id = ServiceId{id};
        service.address = Address::v4(0x0a4d'0064);
        service.port_first = static_cast<std::uint16_t>(id * 100);
        service.port_last = static_cast<std::uint16_t>(id * 100 + (id == 2 ? 20 : 0));
        service.protocol = id == 1 ? Protocol::tcp : Protocol::udp;
        service.on_down = id == 1 ? OnDown::reset : OnDown::drop;
        service.second_chance = id == 1;
        service.idle_timeout = 15min;
        service.half_open_timeout = 20s;
        service.closing_timeout = 3min;
        service.maglev = std::make_shared<MaglevTable const>(
            std::vector<BackendId>(maglev_size, BackendId{id == 1 ? std::uint16_t{5} : std::uint16_t{2}}));
        out.services.push_back(service);
    }
    out.backends = {backend(3, 1, false), backend(5, 1, true), backend(2, 2, true)};
    out.backends.edit(1).source_bits = 16;
    out.services[1].mss_clamp = MssClamp{1200};
    out.backends.edit(1).next_hop = NextHop{7, {2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}, true};
    out.incarnations = {0, 0, 12, 13, 0, 15, 0, 0};
    out.nat_addresses = {Address{}, Address::v4(0x0a4d'0005)};
    out.links = place_links({{2, {2, 0, 0, 0, 0, 3}, false}, {9, {2, 0, 0, 0, 0, 4}, true}});
    return out;
}

TEST(ReadGeneration, GivesBackWhatWasWritten) {
    Half half;
    WrittenHalf written;
    auto const generation = example();
    ASSERT_EQ(write_generation(generation, half.view(), written, ticks_per_second), "");
    std::vector<std::uint64_t> const incarnations{0, 0, 12, 13, 0, 15, 0, 0};
    auto const read = read_generation(half.view(), 77, incarnations, ticks_per_second);
    EXPECT_EQ(read.number, generation.number);
    EXPECT_EQ(read.backends, generation.backends);
    EXPECT_EQ(read.incarnations, generation.incarnations);
    EXPECT_EQ(read.nat_addresses, generation.nat_addresses);
    EXPECT_EQ(read.links, generation.links);
    ASSERT_EQ(read.services.size(), 2U);
    for (std::size_t i = 0; i < 2; ++i) {
        auto const& found = read.services[i];
        auto const& service = generation.services[i];
        EXPECT_EQ(found.id, service.id);
        EXPECT_EQ(found.address, service.address);
        EXPECT_EQ(found.port_first, service.port_first);
        EXPECT_EQ(found.port_last, service.port_last);
        EXPECT_EQ(found.protocol, service.protocol);
        EXPECT_EQ(found.on_down, service.on_down);
        EXPECT_EQ(found.second_chance, service.second_chance);
        EXPECT_EQ(found.idle_timeout, service.idle_timeout);
        EXPECT_EQ(found.half_open_timeout, service.half_open_timeout);
        EXPECT_EQ(found.closing_timeout, service.closing_timeout);
        EXPECT_EQ(*found.maglev, *service.maglev);
    }
}

TEST(ReadGeneration, AnIncarnationThatIsInUseCountsEvenIfItWasNotNoted) {
    Half half;
    WrittenHalf written;
    ASSERT_EQ(write_generation(example(), half.view(), written, ticks_per_second), "");
    auto const read =
        read_generation(half.view(), 77, std::vector<std::uint64_t>{0, 99, 3}, ticks_per_second);
    EXPECT_EQ(read.incarnations, (std::vector<std::uint32_t>{0, 99, 12, 13, 0, 15}));
}

TEST(ReadGeneration, OfEmptyTablesIsEmpty) {
    Half half;
    auto const read = read_generation(half.view(), 0, {}, ticks_per_second);
    EXPECT_TRUE(read.services.empty());
    EXPECT_TRUE(read.backends.empty());
}

TEST(WholeNumber, IsTheNextOneAtOrBelowTheHint) {
    EXPECT_EQ(whole_number(5, 5), 5U);
    EXPECT_EQ(whole_number(5, 6), 5U);
    EXPECT_EQ(whole_number(0xffffff, 0x1000000), 0xffffffU);
    EXPECT_EQ(whole_number(0, 0x1000000), 0x1000000U);
    EXPECT_EQ(whole_number(3, 0x7'0000'0003), 0x7'0000'0003U);
    EXPECT_EQ(whole_number(0, 0), 0U);
}

} // namespace
} // namespace pointsman
