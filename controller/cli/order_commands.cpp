// Orders about one backend that take more than a request: weight, and the wait for a drain.
#include "controller/cli/order_commands.hpp"

#include "controller/cli/answers.hpp"
#include "controller/cli/exit_code.hpp"
#include "controller/cli/terminal.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <thread>
#include <unistd.h>

namespace json = boost::json;

namespace pointsman {
namespace {

constexpr std::chrono::milliseconds look_interval{200};
constexpr unsigned looks_per_line = 10; ///< where progress is not on a terminal

/// The backend as status shows it; null when it is gone.
json::value backend_in(json::object const& status, BackendKey const& target) {
    for (auto const& service : status.at("services").as_array()) {
        if (service.at("name").as_string() != target.service) continue;
        for (auto const& backend : service.at("backends").as_array())
            if (backend.at("name").as_string() == target.backend) return backend;
    }
    return nullptr;
}

std::string progress_text(json::object const& drain, std::uint64_t left) {
    auto text = counted(left, "flow") + " left";
    if (auto const* remaining = drain.if_contains("remaining_s"); remaining && remaining->is_number())
        text += ", about " + std::to_string(remaining->to_number<std::int64_t>()) + " s to go";
    if (auto const* deadline = drain.if_contains("deadline_ms"))
        text += ", " + std::to_string(deadline->to_number<std::int64_t>() / 1000) + " s to the deadline";
    return text;
}

/// What ended a drain that is no longer in force.
int end_of_drain(json::value const& backend, std::string const& then, std::uint64_t left) {
    auto const admin = backend.is_object() ? std::string{backend.at("admin").as_string()} : "gone";
    auto const by_deadline = backend.is_object() && backend.at("because").as_string() == "deadline";
    if (by_deadline && admin == then) {
        if (left == 0) return exit_ok;
        print(stderr, "pointsman: the deadline came with " + counted(left, "flow") + " left\n");
        return exit_failed;
    }
    print(stderr, "pointsman: another order took the drain's place: the backend is " + admin + "\n");
    return exit_refused;
}

} // namespace

int wait_for_drain(CommonOptions const& common, BackendKey const& target, std::string const& then) {
    bool const terminal = ::isatty(STDERR_FILENO) == 1;
    std::uint64_t left = 0;
    for (unsigned look = 0;; ++look) {
        auto const backend = backend_in(read_status(common), target);
        auto const* drain = backend.is_object() ? backend.as_object().if_contains("drain") : nullptr;
        if (!drain) {
            if (terminal) print(stderr, "\n");
            return end_of_drain(backend, then, left);
        }
        left = backend.at("sessions").to_number<std::uint64_t>();
        auto const text = progress_text(drain->as_object(), left);
        if (terminal)
            print(stderr, "\r" + text + "\033[K");
        else if (look % looks_per_line == 0 && left > 0)
            print(stderr, text + "\n");
        if (left == 0) {
            if (terminal) print(stderr, "\n");
            return exit_ok;
        }
        std::this_thread::sleep_for(look_interval);
    }
}

int weight(CommonOptions const& common, WeightOptions const& options) {
    auto const target = parse_target(options.target);
    if (!target) return exit_usage;
    json::object const wish{{"service", target->service},
                            {"backend", target->backend},
                            {"weight", options.weight},
                            {"reason", options.reason}};
    return report(ask_daemon(control_path(common), "POST", "/v1/weight", json::serialize(wish)));
}

} // namespace pointsman
