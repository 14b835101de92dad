#include "controller/app/reload_limits.hpp"

#include <gtest/gtest.h>

namespace pointsman {
namespace {

using Keys = std::vector<std::string>;

/// The keys that one edit of the default configuration asks a restart for.
template<typename Edit>
Keys after(Edit edit) {
    DesiredState now;
    edit(now);
    return keys_that_need_a_restart({}, now);
}

TEST(ReloadLimits, AnUnchangedConfigurationNeedsNoRestart) {
    EXPECT_EQ(after([](DesiredState&) {}), Keys{});
}

TEST(ReloadLimits, EachKeyThatNeedsARestartIsNamed) {
    EXPECT_EQ(after([](auto& now) { now.daemon.control = "/x"; }), Keys{"daemon.control"});
    EXPECT_EQ(after([](auto& now) { now.daemon.http = "127.0.0.1:9470"; }), Keys{"daemon.http"});
    EXPECT_EQ(after([](auto& now) { now.daemon.state_dir = "/x"; }), Keys{"daemon.state_dir"});
    EXPECT_EQ(after([](auto& now) { now.daemon.bpffs = "/x"; }), Keys{"daemon.bpffs"});
    EXPECT_EQ(after([](auto& now) { now.log.audit = "/x"; }), Keys{"log.audit"});
    EXPECT_EQ(after([](auto& now) { now.datapath.interfaces = {"eth1"}; }), Keys{"datapath.interfaces"});
    EXPECT_EQ(after([](auto& now) { now.datapath.attach = Attach::tc; }), Keys{"datapath.attach"});
    EXPECT_EQ(after([](auto& now) { now.datapath.sessions = 1024; }), Keys{"datapath.sessions"});
    EXPECT_EQ(after([](auto& now) { now.datapath.services = 8; }), Keys{"datapath.services"});
    EXPECT_EQ(after([](auto& now) { now.datapath.backends = 8; }), Keys{"datapath.backends"});
    EXPECT_EQ(after([](auto& now) { now.datapath.hash_seed[15] = 1; }), Keys{"datapath.hash_seed"});
}

TEST(ReloadLimits, TheNatPortsAreNamedOnceWhicheverEndMoves) {
    EXPECT_EQ(after([](auto& now) { now.datapath.nat_port_first = 2000; }), Keys{"datapath.nat_ports"});
    EXPECT_EQ(after([](auto& now) { now.datapath.nat_port_last = 2000; }), Keys{"datapath.nat_ports"});
    EXPECT_EQ(after([](auto& now) {
                  now.datapath.nat_port_first = 1;
                  now.datapath.nat_port_last = 2;
              }),
              Keys{"datapath.nat_ports"});
}

TEST(ReloadLimits, SeveralKeysAreNamedInTheOrderOfTheManual) {
    EXPECT_EQ(after([](auto& now) {
                  now.datapath.attach = Attach::tc;
                  now.daemon.control = "/x";
                  now.log.audit = "/y";
              }),
              (Keys{"daemon.control", "log.audit", "datapath.attach"}));
}

TEST(ReloadLimits, EverythingElseIsAppliedWhileTheDaemonRuns) {
    EXPECT_EQ(after([](DesiredState& now) {
                  now.daemon.detach_on_exit = false;
                  now.log.level = LogLevel::debug;
                  now.log.format = LogFormat::json;
                  now.datapath.nat_addresses = {Address::v4(0x0a4d0005)};
                  now.services.resize(2);
              }),
              Keys{});
}

} // namespace
} // namespace pointsman
