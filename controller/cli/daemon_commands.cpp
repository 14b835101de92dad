// Commands that ask the running daemon: status, drain, maint, ready.
#include "controller/cli/answers.hpp"
#include "controller/cli/commands.hpp"
#include "controller/cli/control_client.hpp"
#include "controller/cli/exit_code.hpp"
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
constexpr std::chrono::milliseconds wait_interval{
    200}; ///< between two looks at a drain, and for --watch a fifth

json::object read_status(CommonOptions const& common) {
    auto const answer = ask_daemon(control_path(common), "GET", "/v1/status");
    if (answer.status != 200)
        throw std::runtime_error{"the daemon answered " + std::to_string(answer.status)};
    return json::parse(answer.body).as_object();
}

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

std::optional<std::uint64_t> sessions_left(CommonOptions const& common, std::string const& service,
                                           std::string const& backend) {
    auto const status = read_status(common);
    for (auto const& entry : status.at("services").as_array()) {
        if (entry.at("name").as_string() != service) continue;
        for (auto const& candidate : entry.at("backends").as_array())
            if (candidate.at("name").as_string() == backend && candidate.at("admin").as_string() == "drain")
                return candidate.at("sessions").to_number<std::uint64_t>();
    }
    return std::nullopt;
}

int wait_for_drain(CommonOptions const& common, std::string const& service, std::string const& backend) {
    for (;;) {
        auto const left = sessions_left(common, service, backend);
        if (!left || *left == 0) return exit_ok;
        if (::isatty(STDERR_FILENO) == 1) print(stderr, "\r" + counted(*left, "flow") + " left   ");
        std::this_thread::sleep_for(wait_interval);
    }
}

} // namespace

std::string control_path(CommonOptions const& common) {
    if (!common.control.empty()) return common.control;
    auto const config = load_config(common.config);
    if (config.state) return config.state->daemon.control;
    throw std::runtime_error{common.config +
                             " does not say where the daemon's socket is; use --control PATH\n" +
                             render(config.diagnostics, config.text, false)};
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
        std::this_thread::sleep_for(5 * wait_interval);
    }
}

int order(CommonOptions const& common, OrderOptions const& options) {
    auto const target = parse_target(options.target);
    if (!target) return exit_usage;
    auto const& [service, backend] = *target;
    json::object wish{
        {"service", service}, {"backend", backend}, {"state", options.state}, {"reason", options.reason}};
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
    return result == exit_ok && options.wait ? wait_for_drain(common, service, backend) : result;
}

} // namespace pointsman
