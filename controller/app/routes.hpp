#pragma once

#include "controller/api/http_server.hpp"

namespace pointsman {

class Daemon;

/// What the control socket answers: status, reload, admin orders. `daemon` outlives the handler.
[[nodiscard]] ApiHandler make_control_routes(Daemon& daemon);

/// What daemon.http answers: /metrics, /healthz, /readyz, status. Nothing that changes anything.
[[nodiscard]] ApiHandler make_http_routes(Daemon& daemon);

} // namespace pointsman
