// A half that holds an older generation: what is written again, and that nothing of the old one stays.
#include "tests/unit/tables.hpp"

#include <random>

namespace pointsman::test {
namespace {

std::string write(Generation const& generation, Half& half, WrittenHalf& written) {
    return write_generation(generation, half.view(), written, ticks_per_second);
}

TEST(Tables, ATableThatStandsInTheHalfAlreadyIsNotWrittenAgain) {
    Generation generation;
    generation.services = {service(1, 80, 80)};
    generation.services[0].maglev =
        std::make_shared<MaglevTable const>(std::vector(maglev_size, BackendId{1}));
    Half half;
    WrittenHalf written;
    ASSERT_EQ(write(generation, half, written), "");
    half.maglev[chunks].backend[0] = 99; // shows whether it is written
    ASSERT_EQ(write(generation, half, written), "");
    EXPECT_EQ(half.maglev[chunks].backend[0], 99);
    generation.services[0].maglev =
        std::make_shared<MaglevTable const>(std::vector(maglev_size, BackendId{2}));
    ASSERT_EQ(write(generation, half, written), "");
    EXPECT_EQ(half.maglev[chunks].backend[0], 2);
}

TEST(TablesAgain, BackendsThatStandThereAreNotWrittenAgain) {
    Generation generation;
    generation.backends = {backend(1, "10.77.0.2"), backend(2, "10.77.0.3")};
    generation.backends.push_back(std::make_shared<BackendList::Block const>(
        1, std::make_shared<GenerationBackend const>(backend(3, "10.77.0.4", 2))));
    Half half;
    WrittenHalf written;
    ASSERT_EQ(write(generation, half, written), "");
    half.backends[1].incarnation = half.backends[2].incarnation = half.backends[3].incarnation =
        99; // shows whether it is written
    generation.number = 8;
    generation.backends.edit(1).incarnation = 8;
    ASSERT_EQ(write(generation, half, written), "");
    EXPECT_EQ(half.backends[1].incarnation, 99U) << "of the same one";
    EXPECT_EQ(half.backends[2].incarnation, 8U);
    EXPECT_EQ(half.backends[3].incarnation, 99U) << "of another service";
    EXPECT_EQ(half.backends[2].generation, 8U);
    EXPECT_EQ(half.backends[3].generation, 0U) << "the generation that wrote it";
}

TEST(TablesAgain, AGenerationThatDoesNotFitIsFollowedByAWholeOne) {
    Generation generation;
    generation.services = {service(1, 80, 80)};
    generation.backends = {backend(1, "10.77.0.2")};
    Half half;
    WrittenHalf written;
    ASSERT_EQ(write(generation, half, written), "");
    auto too_many_ports = generation;
    too_many_ports.services[0].port_last = 1000;
    ASSERT_EQ(write(too_many_ports, half, written), "too many service ports: s1 does not fit");
    half.backends[1].incarnation = 99;
    ASSERT_EQ(write(generation, half, written), "");
    EXPECT_EQ(half.backends[1].incarnation, 7U);
    Half fresh;
    ASSERT_EQ(test::write(generation, fresh), "");
    EXPECT_EQ(std::memcmp(half.slots.data(), fresh.slots.data(), sizeof(half.slots[0]) * half.slots.size()),
              0);
}

/// Generations that have something in common with the one before, by chance.
class Walk {
public:
    explicit Walk(std::uint32_t seed) : random_{seed} {}

    void move() {
        ++now.number;
        switch (below(5)) {
        case 0: reload(); break;
        case 1:
            now.nat_addresses = {Address{}, Address::v4(0xc0000200 + below(2)), Address::v4(0xc0000202)};
            break;
        case 2: now.links = {{1 + below(3), {2, 0, 0, 0, 0, 1}}}; break;
        default: change_one(); break;
        }
    }

    Generation now;

private:
    unsigned below(unsigned limit) { return std::uniform_int_distribution<unsigned>{0, limit - 1}(random_); }

    /// Often of the same backends as another one, and with a pattern that is not far from its.
    std::shared_ptr<MaglevTable const> random_table() {
        MaglevPattern pattern(maglev_size, static_cast<std::uint16_t>(below(2)));
        for (auto change = below(20); change > 0; --change)
            pattern[below(maglev_size)] = static_cast<std::uint16_t>(below(3));
        auto const first = static_cast<std::uint16_t>(below(2));
        return std::make_shared<MaglevTable const>(std::make_shared<MaglevPattern const>(std::move(pattern)),
                                                   std::vector{BackendId{first}, BackendId{1}, BackendId{2}});
    }

    void change_one() {
        if (now.services.empty()) return;
        auto& service = now.services[below(static_cast<unsigned>(now.services.size()))];
        service.maglev = below(3) == 0 ? std::make_shared<MaglevTable const>() : random_table();
        if (now.backends.empty()) return;
        auto& one = now.backends.edit(below(static_cast<unsigned>(now.backends.size())));
        one.incarnation = below(100);
        one.nat_addresses.assign(below(2), Address::v4(0xc0000202));
        one.next_hop.reset();
        if (below(2) == 0) one.next_hop = NextHop{.ifindex = 1 + below(3)};
    }

    /// Some of the services, each with one or two backends; ids go to others than before.
    void reload() {
        now.services.clear();
        now.backends = {};
        std::vector<std::uint32_t> ids{1, 2, 3};
        std::ranges::shuffle(ids, random_);
        for (std::uint16_t id = 1; id < 4; ++id) {
            if (below(3) == 0 || ids.empty()) continue;
            now.services.push_back(service(id, static_cast<std::uint16_t>(80 + below(2)), 82));
            if (below(4) == 0) continue;
            now.backends.push_back(backend(ids.back(), "10.77.0.2", id));
            ids.pop_back();
        }
    }

    std::mt19937 random_;
};

template<typename Value>
bool same_octets_but_for_number(std::vector<Value> one, std::vector<Value> other) {
    for (auto* values : {&one, &other})
        for (auto& value : *values)
            value.generation = 0;
    return std::memcmp(one.data(), other.data(), sizeof(Value) * one.size()) == 0;
}

TEST(TablesAgain, WhateverStoodThereAHalfReadsAsIfItWereWrittenWhole) {
    Walk walk{7};
    Half half;
    WrittenHalf written;
    for (int step = 0; step < 2000; ++step) {
        walk.move();
        Half whole;
        ASSERT_EQ(write(walk.now, half, written), "");
        ASSERT_EQ(test::write(walk.now, whole), "");
        auto const same = [](auto const& one, auto const& other) {
            return std::memcmp(one.data(), other.data(), sizeof(one[0]) * one.size()) == 0;
        };
        ASSERT_TRUE(same(half.slots, whole.slots)) << step;
        ASSERT_TRUE(same(half.nat_addresses, whole.nat_addresses)) << step;
        ASSERT_TRUE(same(half.links, whole.links)) << step;
        ASSERT_TRUE(same_octets_but_for_number(half.services, whole.services)) << step;
        ASSERT_TRUE(same_octets_but_for_number(half.backends, whole.backends)) << step;
        for (auto const& service : walk.now.services) {
            auto const first = static_cast<std::size_t>(service.id) * chunks;
            ASSERT_EQ(
                std::memcmp(&half.maglev[first], &whole.maglev[first], sizeof(pm_maglev_chunk) * chunks), 0)
                << step;
        }
    }
}

} // namespace
} // namespace pointsman::test
