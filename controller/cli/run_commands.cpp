// Commands that need no running daemon: run, check, detach, version.
#include "controller/app/daemon.hpp"
#include "controller/app/log.hpp"
#include "controller/cli/commands.hpp"
#include "controller/cli/config_file.hpp"
#include "controller/cli/exit_code.hpp"
#include "controller/cli/terminal.hpp"
#include "controller/config/parse.hpp"
#include "controller/datapath/attachment.hpp"
#include "controller/datapath/programs.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <spdlog/spdlog.h>

namespace json = boost::json;

namespace pointsman {
namespace {

json::object diagnostic_json(Diagnostic const& diagnostic) {
    return {{"severity", diagnostic.severity == Diagnostic::Severity::error ? "error" : "warning"},
            {"file", diagnostic.file},
            {"line", diagnostic.line},
            {"column", diagnostic.column},
            {"length", diagnostic.length},
            {"message", diagnostic.message},
            {"hint", diagnostic.hint}};
}

json::object check_json(ParsedConfig const& config) {
    json::array diagnostics;
    for (auto const& diagnostic : config.diagnostics)
        diagnostics.push_back(diagnostic_json(diagnostic));
    json::object out{{"schema", "pointsman.check/1"}, {"valid", config.state.has_value()}};
    out["diagnostics"] = std::move(diagnostics);
    if (config.state) {
        out["services"] = config.state->services.size();
        out["session_table_bytes"] = Room::of(config.state->datapath).session_bytes();
    }
    return out;
}

std::string summary(DesiredState const& state, std::string const& path) {
    std::size_t backends = 0;
    for (auto const& service : state.services)
        backends += service.backends.size();
    auto const megabytes = (Room::of(state.datapath).session_bytes() + (1 << 20) - 1) >> 20;
    return path + " is valid: " + counted(state.services.size(), "service") + ", " +
           counted(backends, "backend") + "; the session table takes " + std::to_string(megabytes) + " MiB\n";
}

/// A failure at start is one line on stderr, whatever log.format says, and a line of the log.
int start_and_run(CommonOptions const& common, ParsedConfig config) {
    try {
        Daemon daemon{common.config, std::move(config)};
        daemon.run();
    } catch (std::system_error const& error) {
        spdlog::error("log.audit: cannot write {}; make its directory writable, or set another log.audit",
                      error.what());
        return exit_failed;
    } catch (std::exception const& error) {
        spdlog::error("{}", error.what());
        return exit_failed;
    }
    return exit_ok;
}

/// A reader of the log that is gone, and a file that has reached its limit (LimitFSIZE=), are errors of a
/// write and no reason to end.
void ignore_signals_of_writes() {
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
}

void log_libbpf(int level, std::string const& line) {
    spdlog::debug("libbpf({}): {}", level, line);
}

} // namespace

int run_daemon(CommonOptions const& common) {
    ignore_signals_of_writes();
    auto config = load_for_this_host(common.config);
    print(stderr, render(config.diagnostics, config.text, wants_colour(stderr)));
    if (!config.state) return exit_config_invalid;
    open_log(config.state->log);
    set_libbpf_log(log_libbpf);
    return start_and_run(common, std::move(config));
}

int check(CommonOptions const& common, CheckOptions const& options) {
    auto const config = load_for_this_host(common.config);
    if (common.json)
        print(stdout, json::serialize(check_json(config)) + "\n");
    else
        print(stderr, render(config.diagnostics, config.text, wants_colour(stderr)));
    if (!config.state) return exit_config_invalid;
    if (!common.json) print(stdout, summary(*config.state, common.config));
    return options.strict && !config.diagnostics.empty() ? exit_warnings : exit_ok;
}

int detach(CommonOptions const& common) {
    auto const config = load_config(common.config);
    auto const is_missing_default =
        common.config == CommonOptions{}.config && !std::filesystem::exists(common.config);
    if (!config.state && !is_missing_default) {
        print(stderr, render(config.diagnostics, config.text, wants_colour(stderr)));
        return exit_config_invalid;
    }
    auto const path = config.state ? config.state->daemon.bpffs : DaemonOptions{}.bpffs;
    if (!std::filesystem::exists(path)) {
        print(stdout, "nothing to remove: " + path + " does not exist\n");
        return exit_ok;
    }
    set_libbpf_log([](int, std::string const&) {});
    try {
        PinDirectory pins{path};
        pins.remove_at_end(true);
        for (auto const& name : remove_leftovers(pins))
            print(stdout, "removed " + name + "\n");
    } catch (DatapathError const& error) {
        print(stderr, std::string{"pointsman: "} + error.what() + "\n");
        return exit_refused;
    }
    return exit_ok;
}

int version(CommonOptions const& common) {
    if (common.json)
        print(stdout, json::serialize(json::object{{"schema", "pointsman.version/1"},
                                                   {"version", POINTSMAN_VERSION},
                                                   {"abi", PM_ABI_VERSION}}) +
                          "\n");
    else
        print(stdout, "pointsman " POINTSMAN_VERSION "\n");
    return exit_ok;
}

} // namespace pointsman
