#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace pointsman {

/// Where a command finds the configuration and the daemon.
struct CommonOptions {
    std::string config = "/etc/pointsman/pointsman.toml";
    std::string control; ///< empty: what the configuration says
    bool json = false;
};

struct CheckOptions {
    bool strict = false;
};

struct StatusOptions {
    std::string service; ///< empty: all
    bool exit_code = false;
    bool watch = false;
};

struct OrderOptions {
    std::string state;  ///< ready, drain or maint
    std::string target; ///< SERVICE/BACKEND
    std::string reason;
    std::string deadline; ///< "60s"; empty: none
    std::string then;     ///< after the deadline: maint (default) or ready
    bool wait = false;
};

struct WeightOptions {
    std::string target; ///< SERVICE/BACKEND
    unsigned weight = 0;
    std::string reason;
};

struct EventOptions {
    bool follow = false;
    std::string since; ///< RFC 3339 in UTC, or a duration before now; empty: everything
    std::string service;
};

struct ReplayOptions {
    std::vector<std::string> files; ///< of one trail, oldest first
    std::string config;             ///< to decide by; empty: those in the trail
    bool all = false;               ///< tell of decisions that are the same, too
};

struct SessionOptions {
    std::string service;     ///< empty: all
    std::string backend;     ///< SERVICE/BACKEND; empty: all
    std::size_t limit = 100; ///< sessions to list; the daemon gives 10000 at most
};

struct WhyOptions {
    std::string from; ///< SRC:PORT
    std::string to;   ///< DST:PORT, DST:PORT/udp
};

struct DoctorOptions {
    bool apply = false;
    bool revert = false;
};

// Each command prints data on stdout, diagnostics on stderr, and returns an ExitCode.
[[nodiscard]] int run_daemon(CommonOptions const& common);
[[nodiscard]] int check(CommonOptions const& common, CheckOptions const& options);
[[nodiscard]] int status(CommonOptions const& common, StatusOptions const& options);
[[nodiscard]] int reload(CommonOptions const& common, std::string const& confirm_within);
[[nodiscard]] int confirm(CommonOptions const& common);
[[nodiscard]] int rollback(CommonOptions const& common);
[[nodiscard]] int plan(CommonOptions const& common);
[[nodiscard]] int drops(CommonOptions const& common, bool all);
[[nodiscard]] int sessions(CommonOptions const& common, SessionOptions const& options);
[[nodiscard]] int why(CommonOptions const& common, WhyOptions const& options);
[[nodiscard]] int probe(CommonOptions const& common, std::string const& target);
[[nodiscard]] int top(CommonOptions const& common);
[[nodiscard]] int explain(CommonOptions const& common, std::string const& word);
[[nodiscard]] int doctor(CommonOptions const& common, DoctorOptions const& options);
[[nodiscard]] int order(CommonOptions const& common, OrderOptions const& options);
[[nodiscard]] int weight(CommonOptions const& common, WeightOptions const& options);
[[nodiscard]] int events(CommonOptions const& common, EventOptions options);
/// Exit 0: every decision was made again and is the same, and there is one.
[[nodiscard]] int replay(CommonOptions const& common, ReplayOptions const& options);
[[nodiscard]] int detach(CommonOptions const& common);
[[nodiscard]] int version(CommonOptions const& common);

/// The daemon's socket: --control, else what the configuration says.
/// @throws std::runtime_error when neither is to be had.
[[nodiscard]] std::string control_path(CommonOptions const& common);

} // namespace pointsman
