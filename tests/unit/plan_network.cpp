// What a plan makes of the network: interfaces keep their slots, tunnels have sources.
#include "controller/plan/plan.hpp"

#include <gtest/gtest.h>

namespace pointsman {
namespace {

Address address(char const* text) {
    return Address::parse(text).value();
}

using Slots = std::map<std::uint32_t, std::uint32_t>;

/// Interface index -> slot, of one generation after the other.
class LinkSlots : public testing::Test {
protected:
    Slots publish(std::vector<std::uint32_t> const& indices) {
        NetworkView network;
        for (auto const index : indices)
            network.links.push_back({index, {}});
        current_ = plan_next({desired_, {}, {}, network}, current_).next;
        Slots slots;
        for (auto const& link : current_.links)
            slots[link.ifindex] = link.slot.value_or(link_slots);
        return slots;
    }

private:
    DesiredState desired_;
    Generation current_;
};

TEST_F(LinkSlots, AreKeptWhateverBecomesOfOtherInterfaces) {
    EXPECT_EQ(publish({3, 67, 131}), (Slots{{3, 3}, {67, 4}, {131, 5}})); // equal modulo 64
    EXPECT_EQ(publish({67, 131}), (Slots{{67, 4}, {131, 5}}));
    EXPECT_EQ(publish({4, 67, 131}), (Slots{{4, 6}, {67, 4}, {131, 5}}));
    EXPECT_EQ(publish({4, 67, 131, 195}), (Slots{{4, 6}, {67, 4}, {131, 5}, {195, 3}}));
    EXPECT_EQ(publish({4, 67, 131, 195}), (Slots{{4, 6}, {67, 4}, {131, 5}, {195, 3}}));
}

TEST_F(LinkSlots, AreNoneForAnInterfaceThatFindsAllItsPlacesTaken) {
    EXPECT_EQ(publish({1, 65, 129, 193, 257, 321, 385, 449, 513}).at(513), link_slots);
}

class TunnelSourcesOfAPlan : public testing::Test {
protected:
    TunnelSourcesOfAPlan() {
        auto& service = desired.services.emplace_back();
        service.name = "web";
        service.backends = {{.name = "b4", .address = address("10.77.0.2"), .check = {}},
                            {.name = "b6", .address = address("fd77::2"), .check = {}}};
        desired.datapath.nat_addresses = {address("10.77.0.6"), address("fd77::6")};
        desired.datapath.tunnel_sources = {{address("fd00:9::"), 64}, {address("10.9.0.0"), 20}};
    }

    Plan publish(Forward forward) {
        desired.services.front().forward = forward;
        auto plan = plan_next({desired, {}, {}, {}}, current);
        current = plan.next;
        return plan;
    }

    void expect(std::size_t at, char const* source, unsigned bits) const {
        EXPECT_EQ(current.backends[at].nat_addresses, std::vector{address(source)});
        EXPECT_EQ(current.backends[at].source_bits, bits);
    }

    DesiredState desired;
    Generation current;
};

TEST_F(TunnelSourcesOfAPlan, AreThePrefixOfTheBackendsFamilyWithIpip) {
    (void)publish(Forward::ipip);
    expect(0, "10.9.0.0", 12);
    expect(1, "fd00:9::", 32);
}

TEST_F(TunnelSourcesOfAPlan, AreNatAddressesOtherwise) {
    for (auto const forward : {Forward::nat, Forward::dsr, Forward::gue}) {
        (void)publish(forward);
        expect(0, "10.77.0.6", 0);
        expect(1, "fd77::6", 0);
    }
}

TEST_F(TunnelSourcesOfAPlan, OfAnotherLengthArePublished) {
    (void)publish(Forward::ipip);
    desired.datapath.tunnel_sources[1].length = 24;
    EXPECT_EQ(publish(Forward::ipip).changes.size(), 1U);
    expect(0, "10.9.0.0", 8);
}

} // namespace
} // namespace pointsman
