// What a plan makes of the ways to its backends: next hops, NAT addresses.
#include "tests/unit/plan_next.hpp"

#include <algorithm>

namespace pointsman {
namespace {

TEST_F(PlanNext, ABackendWaitsForItsNextHop) {
    network.routes[address("10.77.0.2")].next_hop.reset();
    publish();
    EXPECT_FALSE(backend("b1").eligible);
    EXPECT_EQ(backend("b1").next_hop, std::nullopt);
    network.routes[address("10.77.0.2")] = route(3, "10.77.0.5");
    publish();
    EXPECT_TRUE(backend("b1").eligible);
    EXPECT_EQ(backend("b1").next_hop, route(3, "10.77.0.5").next_hop);
}

TEST_F(PlanNext, ADsrBackendBehindARouterIsNotReachedByItsMacAddress) {
    network.routes[address("10.77.0.2")].next_hop->is_router = true;
    publish();
    EXPECT_TRUE(backend("b1").eligible);
    web().forward = Forward::dsr;
    publish();
    EXPECT_FALSE(backend("b1").eligible);
    EXPECT_TRUE(backend("b2").eligible);
}

TEST_F(PlanNext, ANextHopThatTheKernelForgotIsRemembered) {
    publish();
    network.routes[address("10.77.0.2")].next_hop.reset();
    network.routes.erase(address("10.77.0.3"));
    EXPECT_EQ(publish().changes, std::vector<Change>{});
    EXPECT_TRUE(backend("b1").eligible);
    EXPECT_EQ(backend("b2").next_hop, route(2, "10.77.0.5").next_hop);
    EXPECT_EQ(backend("b2").nat_addresses, std::vector{address("10.77.0.5")});
}

TEST_F(PlanNext, ANextHopIsNotRememberedForAnotherAddress) {
    publish();
    web().backends[0].address = address("10.77.0.9");
    publish();
    EXPECT_EQ(backend("b1").next_hop, std::nullopt);
    EXPECT_FALSE(backend("b1").eligible);
}

TEST_F(PlanNext, NatAddressesComeFromTheRouteUnlessTheyAreConfigured) {
    network.routes[address("10.77.0.3")] = route(3, "192.0.2.1");
    publish();
    EXPECT_EQ(backend("b1").nat_addresses, std::vector{address("10.77.0.5")});
    EXPECT_EQ(backend("b2").nat_addresses, std::vector{address("192.0.2.1")});
    EXPECT_EQ(current.nat_addresses, (std::vector{Address{}, address("10.77.0.5"), address("192.0.2.1")}));
    desired.datapath.nat_addresses = {address("10.77.0.6"), address("10.77.0.7")};
    publish();
    EXPECT_EQ(backend("b1").nat_addresses, desired.datapath.nat_addresses);
    EXPECT_EQ(backend("b2").nat_addresses, desired.datapath.nat_addresses);
}

TEST_F(PlanNext, ANatAddressKeepsItsIndexThroughReloads) {
    publish();
    desired.datapath.nat_addresses = {address("10.77.0.6"), address("10.77.0.7")};
    publish();
    desired.datapath.nat_addresses.clear();
    publish();
    EXPECT_EQ(current.nat_addresses,
              (std::vector{Address{}, address("10.77.0.5"), address("10.77.0.6"), address("10.77.0.7")}));
}

TEST_F(PlanNext, ATableFullOfFormerNatAddressesStartsAnew) {
    for (std::uint32_t i = 0; i < 200; ++i) {
        desired.datapath.nat_addresses = {Address::v4(0xc0000200 + i)};
        publish();
        EXPECT_LT(current.nat_addresses.size(), 64U);
        EXPECT_EQ(current.nat_addresses.back(), desired.datapath.nat_addresses.front());
    }
}

} // namespace
} // namespace pointsman
