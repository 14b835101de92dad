#include "controller/config/parse.hpp"

#include <gtest/gtest.h>

namespace pointsman {
namespace {

std::string rendered(std::string_view text) {
    auto const parsed = parse_config(text, "pointsman.toml");
    EXPECT_EQ(parsed.state.has_value(), !has_error(parsed.diagnostics));
    return render(parsed.diagnostics, text, false);
}

/// A file whose only remarks come from the lines given. They start at line 3, inside [datapath].
std::string rendered_in_datapath(std::string const& lines) {
    return rendered(
        "[datapath]\ninterfaces = [\"eth0\"]\n" + lines + "[[service]]\nname = \"w\"\naddress = " +
        "\"10.0.0.1\"\nport = 1\n[[service.backend]]\nname = \"b\"\naddress = \"10.0.0.2\"\nport = 1\n");
}

/// Likewise, from line 6 on, inside [[service]].
std::string rendered_in_service(std::string const& lines) {
    return rendered("[datapath]\ninterfaces = [\"eth0\"]\n[[service]]\nname = \"w\"\nport = 80\n" + lines +
                    "[[service.backend]]\nname = \"b\"\naddress = \"10.0.0.2\"\nport = 1\n");
}

TEST(ConfigErrors, ReportsEveryErrorWithFileLineAndColumn) {
    EXPECT_EQ(rendered(R"([deamon]
[log]
level = "inf"
[datapath]
interfaces = ["eth0"]
sessions = 12
attach = 3
[health]
rise = "2"
interval = "fast"
timeout = "2h"
[[service]]
  name = "web"
  address = "10.77.0.100"
  port = 80
  interval = "1s"
  [[service.backend]]
  name = "b1"
  adress = "10.77.0.2"
  port = 80
)"),
              R"(pointsman.toml:1:2: error: unknown table `deamon`
    1 | [deamon]
      |  ^^^^^^ did you mean `daemon`?
pointsman.toml:3:9: error: `level = "inf"` is not one of error, warning, info, debug
    3 | level = "inf"
      |         ^^^^^ did you mean "info"?
pointsman.toml:6:12: error: `sessions = 12` is out of range
    6 | sessions = 12
      |            ^^ from 1024 to 16777216
pointsman.toml:7:10: error: `attach` must be one of auto, native, generic, tc, found an integer
    7 | attach = 3
      |          ^ write one of its words, in quotes
pointsman.toml:9:8: error: `rise` must be an integer, found a string
    9 | rise = "2"
      |        ^^^ write a whole number, without quotes
pointsman.toml:10:12: error: `interval = "fast"` is not a duration
   10 | interval = "fast"
      |            ^^^^^^ write a number and a unit: "100us", "250ms", "2s", "15m" or "1h"
pointsman.toml:11:11: error: `timeout = "2h"` is out of range
   11 | timeout = "2h"
      |           ^^^^ from "1ms" to "1m"
pointsman.toml:16:3: error: unknown key `interval` in [[service]] "web"
   16 |   interval = "1s"
      |   ^^^^^^^^ `interval` belongs in [service.check]
pointsman.toml:17:3: error: missing key `address` in [[service.backend]] "b1"
   17 |   [[service.backend]]
      |   ^^^^^^^^^^^^^^^^^^^ add it: an address such as "10.77.0.2"
pointsman.toml:19:3: error: unknown key `adress` in [[service.backend]] "b1"
   19 |   adress = "10.77.0.2"
      |   ^^^^^^ did you mean `address`?
)");
}

TEST(ConfigErrors, ReportsDuplicatesAndOverlapsWithTheFirstDefinition) {
    EXPECT_EQ(rendered(R"([datapath]
interfaces = ["eth0", "eth0"]
[[service]]
name = "web"
address = "10.77.0.100"
port = "8000-8100"
backend = [{name = "b1", address = "10.77.0.2", port = 80},
           {name = "b1", address = "10.77.0.2", port = 80}]
[[service]]
name = "web"
address = "10.77.0.100"
port = 8050
backend = [{name = "b1", address = "10.77.0.2", port = 80}]
[[service]]
name = "same-port-over-udp"
address = "10.77.0.100"
port = 8050
protocol = "udp"
backend = [{name = "b1", address = "10.77.0.2", port = 80}]
)"),
              R"(pointsman.toml:2:23: error: `eth0` appears twice in `interfaces`
    2 | interfaces = ["eth0", "eth0"]
      |                       ^^^^^^ remove one
pointsman.toml:8:20: error: duplicate backend name `b1` in service `web`
    8 |            {name = "b1", address = "10.77.0.2", port = 80}]
      |                    ^^^^ first used at line 7
pointsman.toml:8:36: error: 10.77.0.2:80 is already backend `b1`
    8 |            {name = "b1", address = "10.77.0.2", port = 80}]
      |                                    ^^^^^^^^^^^ to give it more flows, raise the weight at line 7
pointsman.toml:10:8: error: duplicate service name `web`
   10 | name = "web"
      |        ^^^^^ first used at line 4
pointsman.toml:12:8: error: 10.77.0.100:8050/tcp is already taken by service `web`
   12 | port = 8050
      |        ^^^^ it takes 10.77.0.100:8000-8100/tcp at line 6
)");
}

TEST(ConfigErrors, AWideRangeStillCollidesBehindANarrowerOne) {
    auto const text = rendered(R"([datapath]
interfaces = ["eth0"]
[[service]]
name = "wide"
address = "10.0.0.1"
port = "1-1000"
backend = [{name = "b", address = "10.0.0.2", port = 1}]
[[service]]
name = "other"
address = "10.0.0.9"
port = "5-9"
backend = [{name = "b", address = "10.0.0.2", port = 1}]
[[service]]
name = "late"
address = "10.0.0.1"
port = 1000
backend = [{name = "b", address = "10.0.0.2", port = 1}]
)");
    EXPECT_EQ(text, R"(pointsman.toml:16:8: error: 10.0.0.1:1000/tcp is already taken by service `wide`
   16 | port = 1000
      |        ^^^^ it takes 10.0.0.1:1-1000/tcp at line 6
)");
}

TEST(ConfigErrors, RefusesAddressesThatNoPacketReaches) {
    EXPECT_EQ(rendered_in_service("address = \"127.0.0.1\"\n"),
              R"(pointsman.toml:6:11: error: `address = "127.0.0.1"` is a loopback address
    6 | address = "127.0.0.1"
      |           ^^^^^^^^^^^ loopback never crosses a network interface, so it cannot be reached through NAT; use the )"
              "address of an interface\n");
    EXPECT_EQ(rendered_in_service("address = \"0.0.0.0\"\n"),
              R"(pointsman.toml:6:11: error: `address = "0.0.0.0"` is the unspecified address
    6 | address = "0.0.0.0"
      |           ^^^^^^^^^ name one address; there is no "any" address here
)");
    EXPECT_EQ(rendered_in_service("address = \"239.0.0.1\"\n"),
              R"(pointsman.toml:6:11: error: `address = "239.0.0.1"` is a multicast address
    6 | address = "239.0.0.1"
      |           ^^^^^^^^^^^ use a unicast address
)");
}

TEST(ConfigErrors, RefusesABackendThatIsItsOwnService) {
    EXPECT_EQ(rendered(R"([datapath]
interfaces = ["eth0"]
[[service]]
name = "w"
address = "10.0.0.1"
port = "80-90"
backend = [{name = "loop", address = "10.0.0.1", port = 85}, {name = "fine", address = "10.0.0.1", port = 91}]
)"),
              R"(pointsman.toml:7:38: error: backend `loop` is the service itself
    7 | backend = [{name = "loop", address = "10.0.0.1", port = 85}, {name = "fine", address = "10.0.0.1", port = 91}]
      |                                      ^^^^^^^^^^ its flows would go round in a circle
)");
}

TEST(ConfigErrors, RefusesMoreThanThereIsRoomFor) {
    EXPECT_EQ(rendered(R"([datapath]
interfaces = ["eth0"]
services = 1
backends = 1
[[service]]
name = "a"
address = "10.0.0.1"
port = 1
[[service.backend]]
name = "b1"
address = "10.0.0.2"
port = 1
[[service]]
name = "b"
address = "10.0.0.1"
port = 2
[[service.backend]]
name = "b1"
address = "10.0.0.2"
port = 1
)"),
              R"(pointsman.toml:13:1: error: there is room for 1 services, and this is one more
   13 | [[service]]
      | ^^^^^^^^^^^ raise `services` in [datapath]
pointsman.toml:17:1: error: there is room for 1 backends, and this is one more
   17 | [[service.backend]]
      | ^^^^^^^^^^^^^^^^^^^ raise `backends` in [datapath]
)");
}

TEST(ConfigErrors, WarnsOfServicesThatCanServeNobody) {
    EXPECT_EQ(rendered(R"([datapath]
interfaces = ["eth0"]
[[service]]
name = "a"
address = "10.0.0.1"
port = 1
[[service]]
name = "b"
address = "10.0.0.1"
port = 2
backend = [{name = "b1", address = "10.0.0.2", port = 1, weight = 0}]
)"),
              R"(pointsman.toml:3:1: warning: service `a` has no backends
    3 | [[service]]
      | ^^^^^^^^^^^ its clients will not be served; add a [[service.backend]]
pointsman.toml:7:1: warning: all backends of service `b` have weight 0
    7 | [[service]]
      | ^^^^^^^^^^^ none of them takes new flows
)");
}

TEST(ConfigErrors, WarnsOfCheckKeysThatDoNotDoWhatTheySay) {
    EXPECT_EQ(rendered_in_service("address = \"10.0.0.1\"\ncheck = {path = \"/up\", interval = \"10ms\"}\n"),
              R"(pointsman.toml:7:10: warning: `path` has no effect on a check of type "tcp"
    7 | check = {path = "/up", interval = "10ms"}
      |          ^^^^ write type = "http" or remove it
pointsman.toml:7:24: warning: fast_interval (25ms) is longer than interval (10ms)
    7 | check = {path = "/up", interval = "10ms"}
      |                        ^^^^^^^^ a suspected backend would be probed less often than a healthy one
)");
}

TEST(ConfigErrors, TellsATableFromAnArrayOfTables) {
    EXPECT_EQ(rendered("[service]\n[[datapath]]\n"),
              R"(pointsman.toml:1:1: error: `service` must be an array of tables, found a table
    1 | [service]
      | ^^^^^^^^^ write [[service]]
pointsman.toml:1:1: warning: no service is defined
    1 | [service]
      | ^ nothing will be balanced; add a [[service]]
pointsman.toml:2:1: error: `datapath` must be a table, found an array of tables
    2 | [[datapath]]
      | ^^^^^^^^^^^^ write [datapath]
)");
}

TEST(ConfigErrors, SaysWhereAStrayKeyBelongs) {
    EXPECT_EQ(rendered("sessions = 1024\n[datapath]\ninterfaces = [7]\nport = 1\n"),
              R"(pointsman.toml:1:1: error: unknown key `sessions` outside of any table
    1 | sessions = 1024
      | ^^^^^^^^ `sessions` belongs in [datapath]
pointsman.toml:1:1: warning: no service is defined
    1 | sessions = 1024
      | ^ nothing will be balanced; add a [[service]]
pointsman.toml:3:15: error: an element of `interfaces` must be an interface name, found an integer
    3 | interfaces = [7]
      |               ^ write ["eth0"] or ["eth0", "eth1"]
pointsman.toml:4:1: error: unknown key `port` in [datapath]
    4 | port = 1
      | ^^^^ `port` belongs in [[service]]
)");
}

TEST(ConfigErrors, RefusesMalformedValuesOfTheDatapath) {
    EXPECT_EQ(rendered_in_datapath("nat_ports = \"9-1\"\nhash_seed = \"abc\"\nnat_addresses = []\n"),
              R"(pointsman.toml:3:13: error: `nat_ports = "9-1"` is not a port range
    3 | nat_ports = "9-1"
      |             ^^^^^ write "FIRST-LAST" within 1-65535
pointsman.toml:4:13: error: `hash_seed = "abc"` is not a hash seed
    4 | hash_seed = "abc"
      |             ^^^^^ write 32 hexadecimal digits in quotes
pointsman.toml:5:17: error: `nat_addresses` is empty
    5 | nat_addresses = []
      |                 ^^ write ["10.77.0.5"]
)");
}

} // namespace
} // namespace pointsman
