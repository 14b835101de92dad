// Commands that ask the running daemon: status, drain, maint, ready.
#include "controller/cli/answers.hpp"
#include "controller/cli/commands.hpp"
#include "controller/cli/control_client.hpp"
#include "controller/cli/exit_code.hpp"
#include "controller/cli/order_commands.hpp"
#include "controller/cli/status_text.hpp"
#include "controller/cli/terminal.hpp"
#include "controller/config/parse.hpp"
#include "controller/config/values.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <stdexcept>
#include <thread>
#include <unistd.h>

namespace json = boost::json;

namespace pointsman {
namespace {

constexpr std::chrono::hours max_deadline{24};
constexpr std::chrono::seconds watch_interval{1};

/// Leaves only one service, if one was named. @return false when there is none of that name.
bool keep_service(json::object& status, std::string const& name) {
    if (name.empty()) return true;
    auto& services = status["services"].as_array();
    json::array kept;
    for (auto& service : services)
        if (service.as_object()["name"].as_string() == name) kept.push_back(service);
    services = std::move(kept);
    return !services.empty();
}

bool is_degraded(json::object const& status) {
    return std::ranges::any_of(status.at("services").as_array(), [](json::value const& service) {
        auto const& object = service.as_object();
        return object.at("panic").as_bool() || object.at("healthy") != object.at("total");
    });
}

} // namespace

json::object read_status(CommonOptions const& common) {
    return ask_object(common, "GET", "/v1/status");
}

std::string control_path(CommonOptions const& common) {
    if (!common.control.empty()) return common.control;
    auto const config = load_config(common.config);
    if (config.state) return config.state->daemon.control;
    throw ConfigInvalid{render(config.diagnostics, config.text, wants_colour(stderr)) +
                        "pointsman: " + common.config +
                        " does not say where the daemon's socket is; correct it, or use --control PATH\n"};
}

int status(CommonOptions const& common, StatusOptions const& options) {
    for (;;) {
        auto status = read_status(common);
        if (!keep_service(status, options.service)) {
            print(stderr, "pointsman: there is no service " + options.service + "\n");
            return exit_failed;
        }
        auto const text =
            common.json ? json::serialize(status) + "\n" : status_text(status, wants_colour(stdout));
        print(stdout, options.watch && !common.json ? "\033[H\033[2J" + text : text);
        if (!options.watch) return options.exit_code && is_degraded(status) ? exit_degraded : exit_ok;
        std::this_thread::sleep_for(watch_interval);
    }
}

int order(CommonOptions const& common, OrderOptions const& options) {
    auto const target = parse_target(options.target);
    if (!target) return exit_usage;
    json::object wish{{"service", target->service},
                      {"backend", target->backend},
                      {"state", options.state},
                      {"reason", options.reason}};
    if (!options.deadline.empty()) {
        auto const deadline = parse_duration(options.deadline);
        if (!deadline || *deadline > max_deadline) {
            print(stderr, "pointsman: --deadline takes a duration of at most 24h, such as 60s\n");
            return exit_usage;
        }
        wish["deadline_ms"] = std::chrono::duration_cast<std::chrono::milliseconds>(*deadline).count();
        wish["then"] = options.then.empty() ? "maint" : options.then;
    }
    auto const result = report(ask_daemon(control_path(common), "POST", "/v1/admin", json::serialize(wish)));
    if (result != exit_ok || !options.wait) return result;
    return wait_for_drain(common, *target, options.then.empty() ? "maint" : options.then);
}

} // namespace pointsman
