#pragma once

#include "controller/api/http_server.hpp"
#include "controller/app/daemon.hpp"

#include <boost/json/object.hpp>
#include <string_view>

namespace pointsman {

/// {"error": TEXT}
[[nodiscard]] ApiResponse failure(unsigned status, std::string_view text);

[[nodiscard]] ApiResponse json_response(boost::json::object const& body);

/// {"result": TEXT}, or the failure that an answer of the daemon stands for.
[[nodiscard]] ApiResponse to_response(Answer const& answer);

} // namespace pointsman
