#include "controller/config/parse.hpp"

#include <gtest/gtest.h>

namespace pointsman {
namespace {

using namespace std::chrono_literals;

/// A valid file with a few lines added to a table of it.
struct Extra {
    std::string datapath{}, health{}, service{}, check{}, backend{}, backend_check{};
};

std::string file_with(Extra const& extra) {
    return "[datapath]\ninterfaces = [\"eth0\"]\n" + extra.datapath + "[health]\n" + extra.health +
           "[[service]]\nname = \"web\"\naddress = \"10.77.0.100\"\nport = 80\n" + extra.service +
           "[service.check]\n" + extra.check +
           "[[service.backend]]\nname = \"b1\"\naddress = \"10.77.0.2\"\nport = 8080\n" + extra.backend +
           "[service.backend.check]\n" + extra.backend_check +
           "[[service.backend]]\nname = \"b2\"\naddress = \"10.77.0.3\"\nport = 8080\n";
}

DesiredState state_of(std::string const& text) {
    auto const parsed = parse_config(text, "pointsman.toml");
    EXPECT_EQ(render(parsed.diagnostics, parsed.text, false), "");
    return parsed.state.value_or(DesiredState{});
}

std::string errors_of(std::string const& text) {
    auto const parsed = parse_config(text, "pointsman.toml");
    EXPECT_EQ(parsed.state.has_value(), !has_error(parsed.diagnostics));
    return render(parsed.diagnostics, parsed.text, false);
}

TEST(Config, ReadsEveryKeyOfTheDaemonsTables) {
    auto const state = state_of(R"(
[daemon]
control = "/run/pm.sock"
http = "[::1]:9470"
state_dir = "/var/lib/pm"
bpffs = "/sys/fs/bpf/pm"
detach_on_exit = false
[log]
level = "debug"
format = "json"
audit = "/var/log/pm.jsonl"
[datapath]
interfaces = ["eth0", "eth1"]
attach = "tc"
sessions = 1024
services = 8
backends = 64
nat_addresses = ["10.77.0.5", "10.77.0.6"]
nat_ports = "2000-2999"
hash_seed = "000102030405060708090A0b0c0d0e0f"
[[service]]
name = "dns"
address = "10.77.0.100"
port = "53-54"
protocol = "udp"
on_down = "rehash"
panic_threshold = 0
idle_timeout = "30s"
half_open_timeout = "5s"
closing_timeout = "10s"
[[service.backend]]
name = "b1"
address = "10.77.0.2"
port = 53
weight = 7
backup = true
)");
    DesiredState expected;
    expected.daemon = {"/run/pm.sock", "[::1]:9470", "/var/lib/pm", "/sys/fs/bpf/pm", false};
    expected.log = {LogLevel::debug, LogFormat::json, "/var/log/pm.jsonl"};
    expected.datapath.interfaces = {"eth0", "eth1"};
    expected.datapath.attach = Attach::tc;
    expected.datapath.sessions = 1024;
    expected.datapath.services = 8;
    expected.datapath.backends = 64;
    expected.datapath.nat_addresses = {Address::v4(0x0a4d0005), Address::v4(0x0a4d0006)};
    expected.datapath.nat_port_first = 2000;
    expected.datapath.nat_port_last = 2999;
    expected.datapath.hash_seed = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    Service dns;
    dns.name = "dns";
    dns.address = Address::v4(0x0a4d0064);
    dns.port_first = 53;
    dns.port_last = 54;
    dns.protocol = Protocol::udp;
    dns.on_down = OnDown::rehash;
    dns.panic_threshold = 0;
    dns.idle_timeout = 30s;
    dns.half_open_timeout = 5s;
    dns.closing_timeout = 10s;
    Check no_check;
    no_check.type = CheckType::none;
    dns.backends = {{"b1", Address::v4(0x0a4d0002), 53, 7, true, no_check}};
    expected.services = {dns};
    EXPECT_EQ(state, expected);
}

TEST(Config, TheDefaultHashSeedIsTheDocumentedConstant) {
    auto const seed = state_of(file_with({})).datapath.hash_seed;
    EXPECT_EQ(std::string(seed.begin(), seed.end()), "pointsman seed 1");
}

TEST(Config, AnInnerCheckOverridesTheOuterOneKeyByKey) {
    auto const state = state_of(file_with({.health = "interval = \"3s\"\nrise = 4\nfall = 9\n",
                                           .check = "type = \"http\"\npath = \"/up\"\nfall = 5\nport = 99\n",
                                           .backend_check = "path = \"/b1\"\nrise = 1\nhost = \"b1\"\n"}));
    Check second; // inherits all of the service's
    second.type = CheckType::http;
    second.path = "/up";
    second.port = 99;
    second.policy.interval = 3s;
    second.policy.rise = 4;
    second.policy.fall = 5;
    Check first = second;
    first.path = "/b1";
    first.host = "b1";
    first.policy.rise = 1;
    EXPECT_EQ(state.services.at(0).backends.at(0).check, first);
    EXPECT_EQ(state.services.at(0).backends.at(1).check, second);
}

TEST(Config, BackendsOfOneServiceHoldEqualChecksOnce) {
    auto const state = state_of(file_with({.check = "path = \"/up\"\ntype = \"http\"\n"}));
    auto const& backends = state.services.at(0).backends;
    EXPECT_EQ(&*backends.at(0).check, &*backends.at(1).check);
}

TEST(Config, AServiceWithoutACheckIsProbedByTcpAndAUdpServiceNotAtAll) {
    EXPECT_EQ(state_of(file_with({})).services.at(0).backends.at(0).check->type, CheckType::tcp);
    auto const udp = state_of(file_with({.service = "protocol = \"udp\"\n"}));
    EXPECT_EQ(udp.services.at(0).backends.at(0).check->type, CheckType::none);
}

TEST(Config, ExpectedStatusesAreCodesAndRanges) {
    auto const state =
        state_of(file_with({.check = "type = \"http\"\nexpect_status = \"200, 204,300-302\"\n"}));
    EXPECT_EQ(state.services.at(0).backends.at(0).check->expect_status,
              (std::vector<StatusRange>{{200, 200}, {204, 204}, {300, 302}}));
}

TEST(Config, AcceptsWindowsLineEndsAndAByteOrderMark) {
    std::string text = "\xef\xbb\xbf";
    for (char const c : file_with({}))
        text += c == '\n' ? std::string{"\r\n"} : std::string{c};
    EXPECT_EQ(state_of(text), state_of(file_with({})));
}

TEST(Config, AnEmptyFileLacksInterfacesAndServices) {
    EXPECT_EQ(errors_of(""), R"(pointsman.toml:1:1: error: missing key `interfaces` in [datapath]
    1 |
      | ^ add it: ["eth0"] or ["eth0", "eth1"]
pointsman.toml:1:1: warning: no service is defined
    1 |
      | ^ nothing will be balanced; add a [[service]]
)");
}

TEST(Config, AWarningDoesNotKeepTheFileFromBeingUsed) {
    auto const parsed = parse_config("[datapath]\ninterfaces = [\"eth0\"]\n", "pointsman.toml");
    EXPECT_EQ(parsed.diagnostics.size(), 1U);
    EXPECT_TRUE(parsed.state);
}

TEST(Config, RemembersWhereEachKeyStands) {
    auto const parsed = parse_config(file_with({}), "pointsman.toml");
    EXPECT_EQ(parsed.places.file, "pointsman.toml");
    EXPECT_EQ(parsed.places.value_at("datapath.interfaces[0]"), (Place{2, 15, 6}));
    EXPECT_EQ(parsed.places.value_at("service[0].backend[1].port"), (Place{17, 8, 4}));
    EXPECT_EQ(parsed.places.value_at("datapath.nat_ports"), (Place{1, 1, 10})); // absent: its table
    EXPECT_EQ(parsed.places.value_at("log.level"), (Place{1, 1, 1}));
}

TEST(Config, TheHashIsFnv1aAndSoTheSameOnEveryMachine) {
    EXPECT_EQ(config_hash(""), "cbf29ce484222325");
    EXPECT_EQ(config_hash("a"), "af63dc4c8601ec8c");
    EXPECT_EQ(config_hash("foobar"), "85944171f73967e8");
}

} // namespace
} // namespace pointsman
