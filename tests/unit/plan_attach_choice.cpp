// Which hook an interface gets, and why.
#include "controller/datapath/attachment.hpp"

#include <gtest/gtest.h>

namespace pointsman {
namespace {

Interface interface_of_kind(std::string kind, bool loopback = false) {
    Interface out;
    out.name = "if0";
    out.kind = std::move(kind);
    out.loopback = loopback;
    return out;
}

std::string choose(Attach wanted, Interface const& interface) {
    auto const choice = choose_attach(wanted, interface);
    return std::string{choice.attach == Attach::native    ? "native"
                       : choice.attach == Attach::generic ? "generic"
                       : choice.attach == Attach::tc      ? "tc"
                                                          : "undecided"} +
           (choice.hook() == Hook::xdp ? " (xdp), " : " (tc), ") + choice.because +
           (choice.may_fall_back ? " or tc: " : ": ") + choice.why;
}

TEST(AttachChoice, AutoTakesNativeXdpForANic) {
    EXPECT_EQ(choose(Attach::automatic, interface_of_kind("")), "native (xdp), nic or tc: a NIC of its own");
}

TEST(AttachChoice, AutoTakesTcForVirtualInterfaces) {
    for (std::string const kind : {"veth", "bridge", "macvlan", "bond"})
        EXPECT_EQ(choose(Attach::automatic, interface_of_kind(kind)),
                  "tc (tc), virtual: " + kind +
                      " carries packets without complete checksums, and longer than its MTU");
}

TEST(AttachChoice, AutoTakesTcForTheLoopbackInterface) {
    EXPECT_EQ(choose(Attach::automatic, interface_of_kind("", true)),
              "tc (tc), loopback: the loopback interface has no XDP");
}

TEST(AttachChoice, WhatTheConfigurationSaysIsTakenAsItIs) {
    for (auto const& interface :
         {interface_of_kind(""), interface_of_kind("veth"), interface_of_kind("", true)}) {
        EXPECT_EQ(choose(Attach::native, interface),
                  "native (xdp), configured: datapath.attach = \"native\"");
        EXPECT_EQ(choose(Attach::generic, interface),
                  "generic (xdp), configured: datapath.attach = \"generic\"");
        EXPECT_EQ(choose(Attach::tc, interface), "tc (tc), configured: datapath.attach = \"tc\"");
    }
}

TEST(AttachChoice, ANicWithoutNativeXdpFallsBackToTc) {
    auto const choice = fall_back(interface_of_kind(""));
    EXPECT_EQ(choice,
              (AttachChoice{Attach::tc, "no_native_xdp", "the driver of if0 has no native XDP", false}));
}

} // namespace
} // namespace pointsman
