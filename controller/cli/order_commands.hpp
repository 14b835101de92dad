#pragma once

#include "controller/cli/commands.hpp"
#include "controller/model/state.hpp"

#include <boost/json/object.hpp>
#include <string>

namespace pointsman {

/// pointsman.status/1 of the running daemon.
[[nodiscard]] boost::json::object read_status(CommonOptions const& common);

/// Waits until a drain has ended, with its progress on stderr. @return exit_ok when no flow is left,
/// exit_failed when the deadline came first, exit_refused when another order took its place.
[[nodiscard]] int wait_for_drain(CommonOptions const& common, BackendKey const& target,
                                 std::string const& then);

} // namespace pointsman
