#include "controller/config/host.hpp"

#include "controller/config/parse.hpp"

#include <gtest/gtest.h>

namespace pointsman {
namespace {

std::string rendered(std::string const& datapath, HostFacts const& host) {
    auto const parsed = parse_config("[datapath]\n" + datapath, "f");
    return render(check_against_host(parsed.state.value(), parsed.places, host), parsed.text, false);
}

TEST(ConfigHost, NatPortsMustStayApartFromTheEphemeralRange) {
    HostFacts const host{32768, 60999, {"eth0"}};
    EXPECT_EQ(rendered("interfaces = [\"eth0\"]\nnat_ports = \"1024-32768\"\n", host),
              R"(f:3:13: error: nat_ports 1024-32768 meets this host's ephemeral range 32768-60999
    3 | nat_ports = "1024-32768"
      |             ^^^^^^^^^^^^ use "1024-32767" or change net.ipv4.ip_local_port_range
)");
    EXPECT_EQ(rendered("interfaces = [\"eth0\"]\nnat_ports = \"1024-32767\"\n", host), "");
    EXPECT_EQ(rendered("interfaces = [\"eth0\"]\nnat_ports = \"61000-65535\"\n", host), "");
}

TEST(ConfigHost, TheDefaultNatPortsAreCheckedToo) {
    EXPECT_EQ(rendered("interfaces = [\"eth0\"]\n", HostFacts{1024, 60999, {"eth0"}}),
              R"(f:1:1: error: nat_ports (by default 1024-32767) meets this host's ephemeral range 1024-60999
    1 | [datapath]
      | ^^^^^^^^^^ use "61000-65535" or change net.ipv4.ip_local_port_range
)");
}

TEST(ConfigHost, AMissingInterfaceIsAWarning) {
    EXPECT_EQ(
        rendered("interfaces = [\"eth0\", \"ens1\"]\n", HostFacts{32768, 60999, {"lo", "eth0", "ens18"}}),
        R"(f:2:23: warning: this host has no interface `ens1`
    2 | interfaces = ["eth0", "ens1"]
      |                       ^^^^^^ did you mean "ens18"?
)");
}

TEST(ConfigHost, WhatIsUnknownAboutTheHostIsNotHeldAgainstTheFile) {
    EXPECT_EQ(rendered("interfaces = [\"eth0\"]\n", HostFacts{}), "");
}

TEST(ConfigHost, ReadsTheFactsOfThisHost) {
    auto const facts = read_host_facts();
    EXPECT_LT(facts.ephemeral_first, facts.ephemeral_last);
    EXPECT_FALSE(facts.interfaces.empty());
}

} // namespace
} // namespace pointsman
