#pragma once

#include "healthcheck/outcome.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace pointsman {

/// The request message of grpc.health.v1.Health/Check, with gRPC's prefix of five octets.
[[nodiscard]] std::string health_request(std::string_view service);

/// What came in answer to it.
struct HealthAnswer {
    unsigned http_status = 0;            ///< 0: none came
    std::optional<unsigned> grpc_status; ///< nullopt: no trailer had one
    std::string grpc_message;            ///< raw
    std::string body;                    ///< raw, with gRPC's prefix
};

/// Pure. SERVING passes; everything else is named in the outcome's text: NOT_SERVING, UNKNOWN,
/// SERVICE_UNKNOWN, or gRPC's own status such as UNIMPLEMENTED. The duration is left to the caller.
[[nodiscard]] Outcome judge_health(HealthAnswer const& answer);

} // namespace pointsman
