#include "controller/datapath/interfaces.hpp"

#include <gtest/gtest.h>

namespace pointsman {
namespace {

using Kind = InterfaceChange::Kind;

Interface nothing_but_its_name() {
    Interface out;
    out.name = "eth0";
    return out;
}

Interface interface(std::uint32_t ifindex = 2) {
    auto out = nothing_but_its_name();
    out.ifindex = ifindex;
    out.mac = {2, 0, 0, 0, 0, 1};
    out.mtu = 1500;
    out.up = true;
    return out;
}

std::vector<InterfaceChange> changes(Interface const& was, std::vector<Interface> const& present) {
    return changes_of(std::vector{was}, present);
}

TEST(InterfaceChanges, OneThatIsAsItWasHasNotChanged) {
    EXPECT_TRUE(changes(interface(), {interface()}).empty());
}

TEST(InterfaceChanges, OthersDoNotCount) {
    auto other = interface(3);
    other.name = "eth1";
    EXPECT_TRUE(changes(interface(), {other, interface()}).empty());
}

TEST(InterfaceChanges, OneThatIsGoneIsGoneOnce) {
    auto const gone = changes(interface(), {});
    EXPECT_EQ(gone, (std::vector<InterfaceChange>{{Kind::gone, interface(), nothing_but_its_name()}}));
    EXPECT_TRUE(changes(gone[0].now, {}).empty());
}

TEST(InterfaceChanges, AnotherOneOfTheNameHasReturned) {
    EXPECT_EQ(changes(interface(2), {interface(7)}),
              (std::vector<InterfaceChange>{{Kind::returned, interface(2), interface(7)}}));
    EXPECT_EQ(changes(nothing_but_its_name(), {interface(7)})[0].kind, Kind::returned);
}

TEST(InterfaceChanges, GoingDownCountsMoreThanAnotherMac) {
    auto down = interface();
    down.up = false;
    down.mac[5] = 9;
    EXPECT_EQ(changes(interface(), {down})[0].kind, Kind::down);
    EXPECT_EQ(changes(down, {interface()})[0].kind, Kind::up);
}

TEST(InterfaceChanges, AnotherMacOrMtuIsAChange) {
    auto other = interface();
    other.mac[5] = 9;
    EXPECT_EQ(changes(interface(), {other})[0].kind, Kind::changed);
    other = interface();
    other.mtu = 9000;
    EXPECT_EQ(changes(interface(), {other})[0].kind, Kind::changed);
}

} // namespace
} // namespace pointsman
