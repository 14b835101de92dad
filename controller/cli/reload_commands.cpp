// Commands that change the running configuration: reload, confirm, rollback.
#include "controller/cli/answers.hpp"
#include "controller/cli/commands.hpp"
#include "controller/cli/exit_code.hpp"
#include "controller/cli/terminal.hpp"
#include "controller/config/values.hpp"

#include <boost/json/serialize.hpp>

namespace json = boost::json;

namespace pointsman {
namespace {

constexpr std::chrono::hours max_confirmation{1};

} // namespace

int reload(CommonOptions const& common, std::string const& confirm_within) {
    json::object wish;
    if (!confirm_within.empty()) {
        auto const within = parse_duration(confirm_within);
        if (!within || *within < std::chrono::milliseconds{1} || *within > max_confirmation) {
            print(stderr, "pointsman: --confirm-within takes a duration of at most 1h, such as 60s\n");
            return exit_usage;
        }
        wish["confirm_within_ms"] = std::chrono::duration_cast<std::chrono::milliseconds>(*within).count();
    }
    return report(ask_daemon(control_path(common), "POST", "/v1/reload", json::serialize(wish)));
}

int confirm(CommonOptions const& common) {
    return report(ask_daemon(control_path(common), "POST", "/v1/confirm"));
}

int rollback(CommonOptions const& common) {
    return report(ask_daemon(control_path(common), "POST", "/v1/rollback"));
}

} // namespace pointsman
