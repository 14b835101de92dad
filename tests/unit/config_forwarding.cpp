#include "controller/config/parse.hpp"

#include <gtest/gtest.h>

namespace pointsman {
namespace {

/// All diagnostics of a file with one service of these lines; its text ends with the last backend's table.
std::string rendered(std::string const& lines) {
    auto const text = "[datapath]\ninterfaces = [\"eth0\"]\n[[service]]\nname = \"w\"\n" + lines;
    return render(parse_config(text, "pointsman.toml").diagnostics, text, false);
}

/// The one service of such a file, which must be without an error.
Service service_of(std::string const& lines) {
    auto const text = "[datapath]\ninterfaces = [\"eth0\"]\n[[service]]\nname = \"w\"\n" + lines;
    auto const parsed = parse_config(text, "pointsman.toml");
    EXPECT_EQ(render(parsed.diagnostics, text, false), "");
    return parsed.state ? parsed.state->services.at(0) : Service{};
}

TEST(ConfigForwarding, AnotherPortThanTheServicesNeedsTranslation) {
    EXPECT_EQ(
        rendered(R"(address = "10.0.0.1"
port = 80
forward = "dsr"
backend = [{name = "b", address = "10.0.0.2", port = 8080}, {name = "c", address = "10.0.0.3", port = 80}]
)"),
        R"(pointsman.toml:8:54: error: backend `b` has another port than its service, and forward = "dsr" changes none
    8 | backend = [{name = "b", address = "10.0.0.2", port = 8080}, {name = "c", address = "10.0.0.3", port = 80}]
      |                                                      ^^^^ leave `port` out
)");
}

TEST(ConfigForwarding, APortOfARangeNeedsTranslationToo) {
    EXPECT_EQ(
        rendered(R"(address = "10.0.0.1"
port = "80-81"
forward = "gue"
backend = [{name = "b", address = "10.0.0.2", port = 80}]
)"),
        R"(pointsman.toml:8:54: error: backend `b` has another port than its service, and forward = "gue" changes none
    8 | backend = [{name = "b", address = "10.0.0.2", port = 80}]
      |                                                      ^^ leave `port` out
)");
}

TEST(ConfigForwarding, ProbesTakeTheServicesWayOnlyWhereThereIsOne) {
    EXPECT_EQ(
        rendered(R"(address = "10.0.0.1"
port = 80
check = {type = "tcp", via = "service"}
backend = [{name = "b", address = "10.0.0.2"}]
)"),
        R"(pointsman.toml:7:30: error: via = "service" is not for forward = "nat": its packets to backend `b` go where direct probes go
    7 | check = {type = "tcp", via = "service"}
      |                              ^^^^^^^^^ leave `via` out
)");
    EXPECT_EQ(
        rendered(R"(address = "10.0.0.1"
port = 80
forward = "gue"
check = {type = "tcp", via = "service"}
backend = [{name = "b", address = "fd00::2"}]
)"),
        R"(pointsman.toml:8:30: error: via = "service" cannot reach backend `b`, whose address is of the other family
    8 | check = {type = "tcp", via = "service"}
      |                              ^^^^^^^^^ write via = "direct" in its [service.backend.check]
)");
    EXPECT_EQ(service_of(R"(address = "10.0.0.1"
port = 80
forward = "dsr"
check = {type = "tcp", via = "direct"}
backend = [{name = "b", address = "10.0.0.2"}]
)")
                  .backends.at(0)
                  .check->via,
              Via::direct);
}

TEST(ConfigForwarding, TheSourceIsANatServicesChoice) {
    EXPECT_EQ(
        rendered(R"(address = "10.0.0.1"
port = 80
forward = "ipip"
source = "client"
backend = [{name = "b", address = "10.0.0.2"}]
)"),
        R"(pointsman.toml:8:10: error: source = "client" is for forward = "nat": "ipip" keeps the client's address anyway
    8 | source = "client"
      |          ^^^^^^^^ leave `source` out
)");
}

TEST(ConfigForwarding, OnlyATunnelLeadsToTheOtherAddressFamily) {
    auto const by = [](std::string const& forward) {
        return rendered("address = \"fd00::1\"\nport = 80\nforward = \"" + forward +
                        "\"\nbackend = [{name = \"b\", address = \"10.0.0.2\"}]\n");
    };
    auto const refused =
        R"(pointsman.toml:8:35: error: backend `b` and its service are of different address families
    8 | backend = [{name = "b", address = "10.0.0.2"}]
      |                                   ^^^^^^^^^^ translation between IPv4 and IPv6 is not supported; a tunnel (forward = "ipip" or "gue") may have the other family
)";
    EXPECT_EQ(by("nat"), refused);
    EXPECT_EQ(by("dsr"), refused);
    EXPECT_EQ(by("ipip"), "");
    EXPECT_EQ(by("gue"), "");
}

TEST(ConfigForwarding, AGuePortWithoutGueIsSaidToDoNothing) {
    EXPECT_EQ(
        rendered(R"(address = "10.0.0.1"
port = 80
gue_port = 5555
backend = [{name = "b", address = "10.0.0.2"}]
)"),
        R"(pointsman.toml:7:12: warning: `gue_port` has no effect on service `w`: its packets go by forward = "nat"
    7 | gue_port = 5555
      |            ^^^^ remove it, or write forward = "gue"
)");
}

TEST(ConfigForwarding, SegmentsAreClampedToANumberOrToWhatFits) {
    auto const clamp = [](std::string const& line) {
        return service_of("address = \"10.0.0.1\"\nport = 80\n" + line +
                          "backend = [{name = \"b\", address = \"10.0.0.2\"}]\n")
            .mss_clamp;
    };
    EXPECT_EQ(clamp(""), MssClamp::off);
    EXPECT_EQ(clamp("mss_clamp = \"off\"\n"), MssClamp::off);
    EXPECT_EQ(clamp("mss_clamp = \"auto\"\n"), MssClamp::automatic);
    EXPECT_EQ(clamp("mss_clamp = 536\n"), MssClamp{536});
    EXPECT_EQ(clamp("mss_clamp = 65495\n"), MssClamp{65495});
}

TEST(ConfigForwarding, OtherSegmentSizesAreRefused) {
    auto const refused = [](std::string const& value) {
        return rendered("address = \"10.0.0.1\"\nport = 80\nmss_clamp = " + value +
                        "\nbackend = [{name = \"b\", address = \"10.0.0.2\"}]\n");
    };
    EXPECT_EQ(refused("535"), R"(pointsman.toml:7:13: error: `mss_clamp = 535` is out of range
    7 | mss_clamp = 535
      |             ^^^ from 536 to 65495
)");
    EXPECT_EQ(refused("\"yes\""),
              R"(pointsman.toml:7:13: error: `mss_clamp = "yes"` is not a number of octets, "auto" or "off"
    7 | mss_clamp = "yes"
      |             ^^^^^ write 536-65495, "auto" or "off"
)");
}

TEST(ConfigForwarding, AClampOfDatagramsIsSaidToDoNothing) {
    EXPECT_EQ(rendered(R"(address = "10.0.0.1"
port = 80
protocol = "udp"
mss_clamp = "auto"
backend = [{name = "b", address = "10.0.0.2"}]
)"),
              R"(pointsman.toml:8:13: warning: `mss_clamp` has no effect on service `w`: UDP knows no segments
    8 | mss_clamp = "auto"
      |             ^^^^^^ remove it
)");
}

/// As rendered(), with the prefixes in [datapath] and one service of this `forward`.
std::string rendered_sources(std::string const& prefixes, std::string const& forward = "ipip") {
    auto const text = "[datapath]\ninterfaces = [\"eth0\"]\ntunnel_sources = " + prefixes +
                      "\n[[service]]\nname = \"w\"\naddress = \"10.0.0.1\"\nport = 80\nforward = \"" +
                      forward + "\"\nbackend = [{name = \"b\", address = \"10.0.0.2\"}]\n";
    auto const parsed = parse_config(text, "pointsman.toml");
    if (parsed.state) {
        EXPECT_EQ(
            parsed.state->datapath.tunnel_sources,
            (std::vector{Prefix{*Address::parse("10.9.0.0"), 16}, Prefix{*Address::parse("fd00:9::"), 64}}));
    }
    return render(parsed.diagnostics, text, false);
}

TEST(ConfigForwarding, TunnelSourcesAreAPrefixForEachFamily) {
    EXPECT_EQ(rendered_sources(R"(["10.9.0.0/16", "fd00:9::/64"])"), "");
    EXPECT_EQ(rendered_sources(R"(["10.9.0.0/16", "10.10.0.0/16"])"),
              R"(pointsman.toml:3:18: error: `tunnel_sources` has two prefixes of one address family
    3 | tunnel_sources = ["10.9.0.0/16", "10.10.0.0/16"]
      |                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ leave one for IPv4 and one for IPv6; a shorter prefix gives more addresses
)");
    EXPECT_EQ(rendered_sources(R"(["10.9.0.0/16", "fd00:9::/64"])", "gue"),
              R"(pointsman.toml:3:18: warning: `tunnel_sources` has no effect: no service has forward = "ipip"
    3 | tunnel_sources = ["10.9.0.0/16", "fd00:9::/64"]
      |                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ remove it
)");
}

TEST(ConfigForwarding, APrefixHasNoHostBits) {
    EXPECT_EQ(
        rendered_sources(R"(["10.9.0.1/16"])"),
        R"(pointsman.toml:3:19: error: `tunnel_sources = "10.9.0.1/16"` is not an address prefix without host bits
    3 | tunnel_sources = ["10.9.0.1/16"]
      |                   ^^^^^^^^^^^^^ write ["10.9.0.0/16"] or ["10.9.0.0/16", "fd00:9::/64"]
)");
    for (auto const* const wrong :
         {"10.9.0.0", "10.0.0.0/7", "10.9.0.0/33", "fd00:9::/129", "fd00:9::1/127", "x/16"})
        EXPECT_NE(rendered_sources("[\"" + std::string{wrong} + "\"]"), "") << wrong;
    EXPECT_NE(rendered_sources(R"(["224.0.0.0/8"])"), "");
}

TEST(ConfigForwarding, ABackendWithoutAPortHasItsServices) {
    auto const service =
        service_of("address = \"fd00::1\"\nport = 80\nbackend = [{name = \"b\", address = \"fd00::2\"}]\n");
    EXPECT_EQ(service.backends.at(0).port, 80);
    EXPECT_EQ(service.backends.at(0).check->port, std::nullopt);
}

TEST(ConfigForwarding, ABackendOfARangeHasEachPortOfItAndIsProbedAtTheFirst) {
    auto const service = service_of(
        "address = \"10.0.0.1\"\nport = \"8000-8003\"\nbackend = [{name = \"b\", address = \"10.0.0.2\"},\n"
        "{name = \"c\", address = \"10.0.0.3\", port = 90, check = {port = 91}}]\n");
    EXPECT_EQ(service.port_last, 8003);
    EXPECT_EQ(service.backends.at(0).port, 0);
    EXPECT_EQ(service.backends.at(0).check->port, 8000);
    EXPECT_EQ(service.backends.at(1).port, 90);
    EXPECT_EQ(service.backends.at(1).check->port, 91);
}

TEST(ConfigForwarding, EveryWayIsRead) {
    auto const forward = [](std::string const& line) {
        return service_of("address = \"10.0.0.1\"\nport = 80\nbackend = [{name = \"b\", address = "
                          "\"10.0.0.2\"}]\n" +
                          line);
    };
    EXPECT_EQ(forward("").forward, Forward::nat);
    EXPECT_EQ(forward("").source, Source::pool);
    EXPECT_EQ(forward("source = \"client\"\n").source, Source::client);
    EXPECT_TRUE(forward("").second_chance);
    EXPECT_FALSE(forward("second_chance = false\n").second_chance);
    EXPECT_EQ(forward("forward = \"dsr\"\n").forward, Forward::dsr);
    EXPECT_EQ(forward("forward = \"ipip\"\n").forward, Forward::ipip);
    EXPECT_EQ(forward("forward = \"gue\"\ngue_port = 5555\n").gue_port, 5555);
}

} // namespace
} // namespace pointsman
