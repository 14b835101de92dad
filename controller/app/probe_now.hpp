#pragma once

#include "controller/api/http_server.hpp"
#include "controller/model/state.hpp"
#include "healthcheck/probe.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>

namespace pointsman {

/// Pure. pointsman.probe/1: what one probe found, and when each of its steps was done.
[[nodiscard]] boost::json::object probe_json(BackendKey const& key, ProbeTarget const& target,
                                             Outcome const& outcome);

/// One probe of a backend's target, beside those of the monitor: judges nothing. One on its service's way is
/// followed by a direct one, and where it failed, by what that says of the fault.
[[nodiscard]] boost::asio::awaitable<ApiResponse> probe_now(BackendKey key, ProbeTarget target);

} // namespace pointsman
