// Exit codes and streams: the promise to scripts.
#include "controller/cli/command_line.hpp"

#include "controller/datapath/abi.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

namespace pointsman {
namespace {

struct Ran {
    int exit_code = 0;
    std::string out{};
    std::string err{};

    friend bool operator==(Ran const&, Ran const&) = default;
};

void PrintTo(Ran const& ran, std::ostream* out) {
    *out << "exit " << ran.exit_code << "\nstdout: " << ran.out << "\nstderr: " << ran.err;
}

Ran run(std::vector<std::string> words) {
    words.insert(words.begin(), "pointsman");
    std::vector<char*> arguments;
    for (auto& word : words)
        arguments.push_back(word.data());
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    Ran ran;
    ran.exit_code = run_command_line(static_cast<int>(arguments.size()), arguments.data());
    ran.out = testing::internal::GetCapturedStdout();
    ran.err = testing::internal::GetCapturedStderr();
    return ran;
}

class CliCommandLine : public testing::Test {
protected:
    CliCommandLine() {
        std::string name = testing::TempDir() + "cli-XXXXXX";
        directory = ::mkdtemp(name.data());
    }
    ~CliCommandLine() override { std::filesystem::remove_all(directory); }

    [[nodiscard]] std::string file(std::string const& text) const {
        auto path = directory + "/pointsman.toml";
        std::ofstream{path} << text;
        return path;
    }
    [[nodiscard]] std::string valid_file(std::string const& interface) const {
        return file("[daemon]\ncontrol = \"" + socket() + "\"\n[log]\naudit = \"" + directory +
                    "/audit.jsonl\"\n[datapath]\ninterfaces = [\"" + interface +
                    "\"]\nnat_ports = \"1024-1999\"\n[[service]]\nname = \"web\"\naddress = "
                    "\"10.77.0.100\"\nport = 80\n"
                    "[[service.backend]]\nname = \"b1\"\naddress = \"10.77.0.2\"\nport = 80\n");
    }
    [[nodiscard]] std::string socket() const { return directory + "/control.sock"; }

    std::string directory;
};

TEST_F(CliCommandLine, AUsageErrorIsExplainedOnStderrAndExits2) {
    for (auto const& words : std::vector<std::vector<std::string>>{{},
                                                                   {"no-such-command"},
                                                                   {"check", "--no-such-option"},
                                                                   {"drain"},
                                                                   {"status", "web", "dns"},
                                                                   {"check", "-c"}}) {
        auto const ran = run(words);
        EXPECT_EQ(ran.exit_code, 2) << testing::PrintToString(words);
        EXPECT_EQ(ran.out, "");
        EXPECT_NE(ran.err, "");
    }
}

TEST_F(CliCommandLine, AnUnknownCommandIsNamedWithWhatMayHaveBeenMeant) {
    EXPECT_EQ(run({"chekc"}),
              (Ran{2, "", "pointsman: there is no command `chekc`; did you mean `check`?\n"}));
    EXPECT_EQ(run({"frobnicate"}),
              (Ran{2, "", "pointsman: there is no command `frobnicate`; `pointsman --help` lists all\n"}));
    auto const trace = run({"trace", "--service", "web"});
    EXPECT_EQ(trace.exit_code, 2);
    EXPECT_TRUE(trace.err.starts_with("pointsman: this version has no `trace`; `pointsman why")) << trace.err;
}

TEST_F(CliCommandLine, WithoutAConfigurationNoCommandFindsTheDaemon) {
    auto const ran = run({"status", "-c", directory + "/none.toml"});
    EXPECT_EQ(ran.exit_code, 3);
    EXPECT_NE(ran.err.find("/none.toml: error: cannot be read"), std::string::npos) << ran.err;
    EXPECT_TRUE(ran.err.ends_with("use --control PATH\n")) << ran.err;
}

TEST_F(CliCommandLine, ASocketsPathThatIsTooLongIsUnreachable) {
    auto const ran = run({"status", "--control", std::string(200, 'x')});
    EXPECT_EQ(ran.exit_code, 5);
    EXPECT_NE(ran.err.find("107 characters"), std::string::npos) << ran.err;
}

TEST_F(CliCommandLine, HelpIsNoError) {
    auto const ran = run({"--help"});
    EXPECT_EQ(ran.exit_code, 0);
    EXPECT_EQ(ran.err, "");
    for (char const* command :
         {"run",   "check",  "status",  "plan",       "reload", "confirm",  "rollback", "drain",
          "maint", "ready",  "events",  "replay",     "drops",  "sessions", "why",      "probe",
          "top",   "doctor", "explain", "completion", "detach", "version"})
        EXPECT_NE(ran.out.find("\n  " + std::string{command} + " "), std::string::npos) << command;
}

TEST_F(CliCommandLine, TheVersionIsForPeopleOrForPrograms) {
    EXPECT_EQ(run({"version"}), (Ran{0, "pointsman " POINTSMAN_VERSION "\n", ""}));
    EXPECT_EQ(run({"--version"}), run({"version"}));
    EXPECT_EQ(run({"version", "--json"}),
              (Ran{0,
                   R"({"schema":"pointsman.version/1","version":")" POINTSMAN_VERSION R"(","abi":)" +
                       std::to_string(PM_ABI_VERSION) + "}\n",
                   ""}));
}

TEST_F(CliCommandLine, AnInvalidFileExits3WithEveryProblem) {
    auto const path = file("[datapath]\ninterface = [\"lo\"]\n[log]\nlevel = \"loud\"\n");
    EXPECT_EQ(run({"check", "-c", path}),
              (Ran{3, "", path + R"(:1:1: error: missing key `interfaces` in [datapath]
    1 | [datapath]
      | ^^^^^^^^^^ add it: ["eth0"] or ["eth0", "eth1"]
)" + path + R"(:1:1: warning: no service is defined
    1 | [datapath]
      | ^ nothing will be balanced; add a [[service]]
)" + path + R"(:2:1: error: unknown key `interface` in [datapath]
    2 | interface = ["lo"]
      | ^^^^^^^^^ did you mean `interfaces`?
)" + path + R"(:4:9: error: `level = "loud"` is not one of error, warning, info, debug
    4 | level = "loud"
      |         ^^^^^^
)"}));
}

TEST_F(CliCommandLine, AMissingFileExits3) {
    auto const ran = run({"check", "-c", directory + "/none.toml"});
    EXPECT_EQ(ran.exit_code, 3);
    EXPECT_EQ(ran.out, "");
    EXPECT_NE(ran.err.find(directory + "/none.toml: error: "), std::string::npos) << ran.err;
}

TEST_F(CliCommandLine, AValidFileExits0WithASummary) {
    auto const path = valid_file("lo");
    EXPECT_EQ(run({"check", "-c", path}),
              (Ran{0, path + " is valid: 1 service, 1 backend; the session table takes 103 MiB\n", ""}));
    EXPECT_EQ(run({"check", "--strict", "-c", path}).exit_code, 0);
    EXPECT_EQ(run({"check", "--json", "-c", path}),
              (Ran{0,
                   R"({"schema":"pointsman.check/1","valid":true,"diagnostics":[],"services":1,)"
                   R"("session_table_bytes":107374080})"
                   "\n",
                   ""}));
}

TEST_F(CliCommandLine, WarningsExit4OnlyUnderStrict) {
    auto const path = valid_file("no-such-if");
    auto const warning = path + ":6:15: warning: this host has no interface `no-such-if`\n";
    auto const lax = run({"check", "-c", path});
    EXPECT_EQ(lax.exit_code, 0);
    EXPECT_EQ(lax.err.substr(0, warning.size()), warning);
    auto const strict = run({"check", "--strict", "-c", path});
    EXPECT_EQ(strict.exit_code, 4);
    EXPECT_EQ(strict.err, lax.err);
    EXPECT_EQ(strict.out, lax.out);
}

TEST_F(CliCommandLine, WithoutADaemonEveryQuestionExits5AndSaysWhereItAsked) {
    Ran const expected{
        5, "",
        "pointsman: no daemon answers at " + socket() +
            " (No such file or directory); is it running? -c FILE or --control PATH names its socket\n"};
    for (auto const& words :
         std::vector<std::vector<std::string>>{{"status"},
                                               {"status", "web", "--json", "--exit-code"},
                                               {"reload"},
                                               {"drain", "web/b1", "--deadline", "60s", "--wait"},
                                               {"maint", "web/b1"},
                                               {"ready", "web/b1"},
                                               {"reload", "--confirm-within", "60s"},
                                               {"confirm"},
                                               {"rollback"},
                                               {"drops", "--all"},
                                               {"sessions", "--service", "web", "--limit", "7"},
                                               {"why", "10.0.0.1:1000", "10.0.0.2:80/udp"},
                                               {"probe", "web/b1", "--json"},
                                               {"events"}}) {
        auto with_control = words;
        with_control.insert(with_control.end(), {"--control", socket()});
        EXPECT_EQ(run(with_control), expected) << testing::PrintToString(words);
    }
    EXPECT_EQ(run({"status", "-c", valid_file("lo")}), expected);
}

TEST_F(CliCommandLine, ABackendWithoutAServiceIsAUsageError) {
    for (std::string const target : {"b1", "/b1", "web/", "/"})
        EXPECT_EQ(run({"drain", target, "--control", socket()}),
                  (Ran{2, "", "pointsman: a backend is named SERVICE/BACKEND, not `" + target + "`\n"}));
}

TEST_F(CliCommandLine, AFlowThatIsNoneIsAUsageError) {
    for (auto const& [from, to] : std::vector<std::pair<std::string, std::string>>{
             {"10.0.0.1", "10.0.0.2:80"}, {"10.0.0.1:1", "10.0.0.2"}, {"10.0.0.1:1", "10.0.0.2:80/sctp"}})
        EXPECT_EQ(run({"why", from, to, "--control", socket()}),
                  (Ran{2, "",
                       "pointsman: a flow is named SRC:PORT DST:PORT[/udp], such as 10.0.0.1:40000 "
                       "10.77.0.100:80; IPv6 addresses in brackets\n"}));
}

TEST_F(CliCommandLine, ATimeToConfirmThatIsNoneIsAUsageError) {
    for (char const* within : {"soon", "60", "2h", "10us"})
        EXPECT_EQ(run({"reload", "--confirm-within", within, "--control", socket()}),
                  (Ran{2, "", "pointsman: --confirm-within takes a duration of at most 1h, such as 60s\n"}));
}

TEST_F(CliCommandLine, TopNeedsATerminal) {
    auto const ran = run({"top", "--control", socket()});
    EXPECT_EQ(ran.exit_code, 2);
    EXPECT_EQ(ran.out, "");
}

TEST_F(CliCommandLine, APlanOfAnInvalidFileExits3WithoutADaemon) {
    auto const path = file("[datapath]\ninterfaces = [\"lo\"]\nsessions = 1\n");
    auto const ran = run({"plan", "-c", path});
    EXPECT_EQ(ran.exit_code, 3);
    EXPECT_NE(ran.err.find(path + ":3:12: error: "), std::string::npos) << ran.err;
}

TEST_F(CliCommandLine, AnUnknownWordIsNotExplained) {
    EXPECT_EQ(
        run({"explain", "intervall"}),
        (Ran{1, "",
             "pointsman: `intervall` is no configuration key, verdict or word of `because`; did you mean "
             "`interval`?\n"}));
    EXPECT_EQ(run({"completion", "csh"}).exit_code, 2);
}

TEST_F(CliCommandLine, ADeadlineThatIsNoneOrTooFarIsAUsageError) {
    for (char const* deadline : {"soon", "60", "25h"})
        EXPECT_EQ(run({"drain", "web/b1", "--deadline", deadline, "--control", socket()}),
                  (Ran{2, "", "pointsman: --deadline takes a duration of at most 24h, such as 60s\n"}));
    EXPECT_EQ(
        run({"drain", "web/b1", "--deadline", "60s", "--then", "drain", "--control", socket()}).exit_code, 2);
}

TEST_F(CliCommandLine, WhatFollowsADeadlineNeedsADeadline) {
    for (char const* state : {"ready", "maint", "nonsense"})
        EXPECT_EQ(run({"drain", "web/b1", "--then", state, "--control", socket()}).exit_code, 2) << state;
}

TEST_F(CliCommandLine, AnAuditTrailThatCannotBeReadExits1) {
    EXPECT_EQ(run({"events", "-c", valid_file("lo")}),
              (Ran{1, "",
                   "pointsman: cannot read " + directory +
                       "/audit.jsonl: No such file or directory; run as root or as its group, or name "
                       "another configuration by -c\n"}));
}

TEST_F(CliCommandLine, TheAuditTrailIsReadWithoutADaemon) {
    auto const path = valid_file("lo");
    std::string const start = R"({"seq":1,"ts":"2026-11-20T05:00:00.000001Z","kind":"start"})";
    std::string const health =
        R"({"seq":2,"ts":"2026-11-20T05:00:01.500000Z","kind":"health","service":"web"})";
    std::ofstream{directory + "/audit.jsonl"} << start << "\nnot a record\n" << health << "\n{\"seq\":3,";
    EXPECT_EQ(run({"events", "-c", path}), (Ran{0,
                                                "2026-11-20T05:00:00.000001Z  #1  start\n"
                                                "2026-11-20T05:00:01.500000Z  #2  health  web\n",
                                                ""}));
    EXPECT_EQ(run({"events", "--json", "-c", path}), (Ran{0, start + "\n" + health + "\n", ""}));
    EXPECT_EQ(run({"events", "--json", "--service", "web", "-c", path}), (Ran{0, health + "\n", ""}));
}

TEST_F(CliCommandLine, EventsSinceASecondIncludeThatSecond) {
    auto const path = valid_file("lo");
    std::ofstream{directory + "/audit.jsonl"}
        << R"({"seq":1,"ts":"2026-11-20T05:00:00.999999Z","kind":"start"}
{"seq":2,"ts":"2026-11-20T05:00:01.000000Z","kind":"panic"}
{"seq":3,"ts":"2026-11-20T05:00:01.500000Z","kind":"stop"}
)";
    EXPECT_EQ(run({"events", "--since", "2026-11-20T05:00:01Z", "-c", path}),
              (Ran{0,
                   "2026-11-20T05:00:01.000000Z  #2  panic\n"
                   "2026-11-20T05:00:01.500000Z  #3  stop\n",
                   ""}));
}

TEST_F(CliCommandLine, ATimeThatIsNoneIsAUsageError) {
    for (char const* since : {"yesterday", "2026-11-20", "2026-11-20T05:00:00"})
        EXPECT_EQ(
            run({"events", "--since", since, "-c", valid_file("lo")}),
            (Ran{
                2, "",
                "pointsman: --since takes a time such as 2026-11-20T05:00:00Z or a duration such as 10m\n"}));
}

TEST_F(CliCommandLine, DetachingNothingIsNoError) {
    auto const path =
        file("[daemon]\nbpffs = \"" + directory + "/none\"\n[datapath]\ninterfaces = [\"lo\"]\n");
    EXPECT_EQ(run({"detach", "-c", path}),
              (Ran{0, "nothing to remove: " + directory + "/none does not exist\n", ""}));
}

} // namespace
} // namespace pointsman
