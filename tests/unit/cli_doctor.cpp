// What `doctor` finds, and how what it did is taken back.
#include "controller/cli/doctor_changes.hpp"
#include "controller/cli/doctor_findings.hpp"

#include <boost/json/array.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace pointsman {
namespace {

using enum Finding::Severity;

constexpr Address backend_address = Address::v4(0x0a4d0002);
constexpr Address service_address = Address::v4(0x0a4d0064);

DesiredState web() {
    DesiredState desired;
    desired.datapath.interfaces = {"eth0"};
    auto& service = desired.services.emplace_back();
    service.name = "web";
    service.address = service_address;
    service.port_first = service.port_last = 80;
    auto& backend = service.backends.emplace_back();
    backend.name = "b1";
    backend.address = backend_address;
    backend.port = 80;
    return desired;
}

/// A host that lacks nothing.
DoctorFacts healthy() {
    DoctorFacts facts;
    facts.kernel_major = 6;
    facts.kernel_minor = 1;
    facts.bpffs_mounted = true;
    facts.capabilities = {12, 38, 39};
    facts.memory_available = std::uint64_t{4} << 30;
    facts.conntrack_count = 100;
    facts.conntrack_max = 1000;
    facts.host = {32768, 60999, {"lo", "eth0"}};
    facts.interfaces = {{.ifindex = 2, .name = "eth0", .kind = {}, .mtu = 1500, .up = true}};
    facts.addresses = {{"eth0", Address::v4(0x0a4d0005), 24}, {"lo", service_address, 32}};
    facts.routes[backend_address] = {NextHop{.ifindex = 2}, Address::v4(0x0a4d0005)};
    return facts;
}

/// The findings that are not ok.
std::vector<Finding> complaints(DesiredState const& desired, DoctorFacts const& facts) {
    auto findings = examine(desired, facts);
    std::erase_if(findings, [](Finding const& finding) { return finding.severity == ok; });
    return findings;
}

Finding only(DoctorFacts const& facts, DesiredState const& desired = web()) {
    auto const found = complaints(desired, facts);
    EXPECT_EQ(found.size(), 1U);
    return found.empty() ? Finding{} : found.front();
}

TEST(Doctor, FindsNothingWhereNothingIsLacking) {
    EXPECT_EQ(complaints(web(), healthy()), std::vector<Finding>{});
    EXPECT_GT(examine(web(), healthy()).size(), 8U);
    EXPECT_FALSE(has_errors(examine(web(), healthy())));
}

TEST(Doctor, EveryComplaintSaysWhyItMattersAndWhatToDo) {
    auto desired = web();
    desired.datapath.interfaces = {"eth0", "eth1"};
    desired.datapath.attach = Attach::native;
    DoctorFacts facts;
    facts.host = {1024, 60999, {}};
    facts.interfaces = {{.ifindex = 2, .name = "eth0", .kind = {}, .mtu = 9000}};
    facts.xdp["eth0"] = "firewall";
    facts.memory_available = 1 << 20;
    facts.conntrack_count = facts.conntrack_max = 1000;
    facts.membarrier_global = facts.clock_synchronized = false;
    facts.addresses = {{"eth0", Address::v4(0x0a4d0005), 24}};
    auto const found = complaints(desired, facts);
    std::vector<std::string> checks;
    for (auto const& finding : found) {
        EXPECT_FALSE(finding.why.empty() || finding.fix.empty()) << finding.check;
        EXPECT_EQ(finding.apply.empty(), finding.undo.empty()) << finding.check;
        checks.push_back(finding.check);
    }
    EXPECT_EQ(checks,
              (std::vector<std::string>{"kernel", "capabilities", "bpffs", "grace_period", "memory", "clock",
                                        "interface", "mtu", "xdp", "interface", "ephemeral_ports",
                                        "conntrack", "service_address", "backend"}));
}

TEST(Doctor, PortsThatMeetTheHostsOwnAreMovedApart) {
    auto facts = healthy();
    facts.host.ephemeral_first = 32000;
    auto const found = only(facts);
    EXPECT_EQ(found.severity, error);
    EXPECT_EQ(found.fix, "sysctl -w net.ipv4.ip_local_port_range='32768 60999'");
    EXPECT_EQ(found.apply, (CommandWords{"sysctl", "-w", "net.ipv4.ip_local_port_range=32768 60999"}));
    EXPECT_EQ(found.undo, (CommandWords{"sysctl", "-w", "net.ipv4.ip_local_port_range=32000 60999"}));
}

TEST(Doctor, WhatLeavesTooFewPortsIsForAPersonToDecide) {
    auto facts = healthy();
    facts.host = {1024, 34000, {"eth0"}};
    EXPECT_TRUE(only(facts).apply.empty());
}

TEST(Doctor, AServiceAddressThatNobodyAnswersForIsAdded) {
    auto facts = healthy();
    facts.addresses.pop_back();
    auto const found = only(facts);
    EXPECT_EQ(found.severity, warning);
    EXPECT_EQ(found.apply, (CommandWords{"ip", "address", "add", "10.77.0.100/32", "dev", "lo"}));
    facts.addresses.front().prefix = 26; // 10.77.0.0-63: routed here then
    EXPECT_TRUE(complaints(web(), facts).empty());
}

TEST(Doctor, AnotherXdpProgramIsAnErrorOnlyWhereOursMustBe) {
    auto facts = healthy();
    facts.xdp["eth0"] = "firewall";
    EXPECT_EQ(only(facts).severity, error);
    auto desired = web();
    desired.datapath.attach = Attach::tc;
    EXPECT_EQ(only(facts, desired).severity, warning);
    facts.xdp["eth0"] = "pm_xdp";
    EXPECT_TRUE(complaints(web(), facts).empty());
}

TEST(Doctor, OtherTcProgramsAreWorthAWordWhereOursIsOneToo) {
    auto facts = healthy();
    facts.tcx["eth0"] = {"firewall", "pm_tc", "shaper"};
    EXPECT_TRUE(complaints(web(), facts).empty()) << "native XDP sees packets before";
    auto desired = web();
    desired.datapath.attach = Attach::tc;
    EXPECT_EQ(only(facts, desired).what, "eth0 has tc programs of somebody else: firewall, shaper");
    facts.tcx["eth0"] = {"pm_tc"};
    EXPECT_TRUE(complaints(desired, facts).empty());
}

TEST(Doctor, ALargeMtuIsAnErrorForNativeXdpOnly) {
    auto facts = healthy();
    facts.interfaces.front().mtu = 9000;
    EXPECT_EQ(only(facts).severity, warning) << "auto falls back to tc";
    auto desired = web();
    desired.datapath.attach = Attach::native;
    EXPECT_EQ(only(facts, desired).severity, error);
    desired.datapath.attach = Attach::tc;
    EXPECT_TRUE(complaints(desired, facts).empty());
}

TEST(Doctor, TellsNoRouteFromNoAnswer) {
    auto facts = healthy();
    facts.routes[backend_address].next_hop.reset();
    EXPECT_EQ(only(facts).what, "web/b1 at 10.77.0.2: nobody answers for its MAC address");
    facts.routes.clear();
    EXPECT_EQ(only(facts).what, "web/b1 at 10.77.0.2: no route");
}

TEST(Doctor, PrintsComplaintsWithTheirRemedies) {
    std::vector<Finding> const findings{
        {"kernel", ok, "Linux 6.1", {}, {}},
        {"bpffs", error, "none", "it matters", "mount it", {"mount"}, {"umount"}},
        {"clock", warning, "unset", "times differ", "set it"}};
    EXPECT_EQ(findings_text(findings), "ok       kernel: Linux 6.1\n"
                                       "error    bpffs: none\n"
                                       "         it matters\n"
                                       "         do (or --apply): mount it\n"
                                       "warning  clock: unset\n"
                                       "         times differ\n"
                                       "         do: set it\n");
    auto const json = findings_json(findings);
    EXPECT_FALSE(json.at("ok").as_bool());
    EXPECT_TRUE(json.at("findings").at(1).at("applies").as_bool());
    EXPECT_FALSE(json.at("findings").at(2).at("applies").as_bool());
}

class DoctorChanges : public testing::Test {
protected:
    DoctorChanges() {
        std::string name = testing::TempDir() + "doctor-XXXXXX";
        directory = ::mkdtemp(name.data());
    }
    ~DoctorChanges() override { std::filesystem::remove_all(directory); }

    [[nodiscard]] std::string at(std::string const& name) const { return directory + "/" + name; }
    [[nodiscard]] HostChange making(std::string const& name) const {
        return {{"touch", at(name)}, {"rm", at(name)}};
    }

    std::string directory;
};

TEST_F(DoctorChanges, AreUndoneLastFirstAndForgotten) {
    HostChanges changes{at("state")};
    EXPECT_EQ(changes.make(making("a")), "");
    EXPECT_EQ(changes.make({{"cp", at("a"), at("b")}, {"rm", at("b")}}), "");
    HostChanges later{at("state")}; // another run
    auto const undone = later.undo_all();
    ASSERT_EQ(undone.size(), 2U);
    EXPECT_EQ(undone[0], (std::pair{CommandWords{"rm", at("b")}, std::string{}}));
    EXPECT_EQ(undone[1], (std::pair{CommandWords{"rm", at("a")}, std::string{}}));
    EXPECT_FALSE(std::filesystem::exists(at("a")) || std::filesystem::exists(at("b")));
    EXPECT_TRUE(std::filesystem::is_empty(at("state")));
    EXPECT_TRUE(later.undo_all().empty());
}

TEST_F(DoctorChanges, ThatFailAreNotRemembered) {
    HostChanges changes{at("state")};
    EXPECT_EQ(changes.make({{"false"}, {"true"}}), "exit 1");
    EXPECT_EQ(changes.make({{"no-such-command-here"}, {"true"}}), "No such file or directory");
    EXPECT_TRUE(changes.undo_all().empty());
}

TEST_F(DoctorChanges, WhoseUndoFailsStayRemembered) {
    HostChanges changes{at("state")};
    EXPECT_EQ(changes.make({{"true"}, {"false"}}), "");
    EXPECT_EQ(changes.make(making("a")), "");
    EXPECT_EQ(changes.undo_all().back().second, "exit 1");
    auto const again = changes.undo_all();
    ASSERT_EQ(again.size(), 1U);
    EXPECT_EQ(again.front().first, CommandWords{"false"});
}

TEST_F(DoctorChanges, AreNotMadeWhenTheyCannotBeRemembered) {
    std::ofstream{at("file")} << "no directory";
    HostChanges changes{at("file")};
    EXPECT_NE(changes.make(making("a")), "");
    EXPECT_FALSE(std::filesystem::exists(at("a")));
}

TEST_F(DoctorChanges, AFileThatIsNoneOfOursCountsAsEmpty) {
    std::ofstream{at("doctor.json")} << R"({"changes": [{"command": 7}]})";
    EXPECT_TRUE(HostChanges{directory}.undo_all().empty());
    std::ofstream{at("doctor.json")} << "[]";
    EXPECT_TRUE(HostChanges{directory}.undo_all().empty());
}

} // namespace
} // namespace pointsman
