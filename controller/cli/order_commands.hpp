#pragma once

#include "controller/cli/commands.hpp"
#include "controller/cli/control_client.hpp"

#include <boost/json/object.hpp>
#include <optional>
#include <string>

namespace pointsman {

/// What `--target` names.
struct Target {
    std::string service;
    std::string backend;
};

/// "SERVICE/BACKEND"; nullopt after a message on stderr.
[[nodiscard]] std::optional<Target> parse_target(std::string const& text);

/// pointsman.status/1 of the running daemon.
[[nodiscard]] boost::json::object read_status(CommonOptions const& common);

/// Prints what a request that changes something came to. @return an ExitCode.
[[nodiscard]] int report(ControlAnswer const& answer);

/// Waits until a drain has ended, with its progress on stderr. @return exit_ok when no flow is left,
/// exit_failed when the deadline came first, exit_refused when another order took its place.
[[nodiscard]] int wait_for_drain(CommonOptions const& common, Target const& target, std::string const& then);

} // namespace pointsman
