#include "healthcheck/grpc_health.hpp"

#include <array>
#include <cstdint>

namespace pointsman {

namespace {

constexpr std::array<std::string_view, 17> grpc_statuses{
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};
/// ServingStatus of health.proto.
constexpr std::array<std::string_view, 4> serving_statuses{"UNKNOWN", "SERVING", "NOT_SERVING",
                                                           "SERVICE_UNKNOWN"};
constexpr std::size_t prefix_size = 5;

/// A protobuf varint at the front of `octets`, which is taken off; nullopt when there is none.
std::optional<std::uint64_t> take_varint(std::string_view& octets) noexcept {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !octets.empty(); shift += 7) {
        auto const octet = static_cast<std::uint8_t>(octets.front());
        octets.remove_prefix(1);
        value |= std::uint64_t{octet & 0x7fU} << shift;
        if (octet < 0x80) return value;
    }
    return std::nullopt;
}

/// Takes a field's value off, whatever it is; false when the message is cut short or of no known form.
bool skip_field(std::string_view& message, unsigned wire_type) noexcept {
    std::optional<std::uint64_t> size;
    if (wire_type == 0) return take_varint(message).has_value();
    if (wire_type == 1) size = 8;
    if (wire_type == 2) size = take_varint(message);
    if (wire_type == 5) size = 4;
    if (!size || *size > message.size()) return false;
    message.remove_prefix(*size);
    return true;
}

/// The status of a HealthCheckResponse; a message without one means 0, UNKNOWN.
std::optional<std::uint64_t> serving_status(std::string_view message) noexcept {
    std::uint64_t status = 0;
    while (!message.empty()) {
        auto const tag = take_varint(message);
        if (!tag) return std::nullopt;
        if (*tag == (1U << 3)) {
            auto const value = take_varint(message);
            if (!value) return std::nullopt;
            status = *value;
        } else if (!skip_field(message, static_cast<unsigned>(*tag & 7))) {
            return std::nullopt;
        }
    }
    return status;
}

/// The message in gRPC's frame; nullopt when it is compressed, cut short or not the only one.
std::optional<std::string_view> message_in(std::string_view body) noexcept {
    if (body.size() < prefix_size || body.front() != 0) return std::nullopt;
    std::uint32_t size = 0;
    for (char const c : body.substr(1, 4))
        size = size << 8 | static_cast<std::uint8_t>(c);
    body.remove_prefix(prefix_size);
    if (body.size() != size) return std::nullopt;
    return body;
}

Outcome outcome_of(OutcomeCode code, HealthAnswer const& answer, std::string const& text) {
    Outcome outcome{code};
    outcome.status = answer.http_status;
    outcome.text = text.substr(0, outcome_text_limit);
    return outcome;
}

std::string grpc_text(HealthAnswer const& answer) {
    auto const status = *answer.grpc_status;
    std::string text{status < grpc_statuses.size() ? grpc_statuses[status] : "gRPC status out of range"};
    if (!answer.grpc_message.empty()) text += ": " + answer.grpc_message;
    return text;
}

} // namespace

std::string health_request(std::string_view service) {
    std::string message;
    if (!service.empty()) {
        message.push_back(1 << 3 | 2);
        for (auto size = service.size(); true; size >>= 7) {
            message.push_back(static_cast<char>((size & 0x7f) | (size > 0x7f ? 0x80 : 0)));
            if (size <= 0x7f) break;
        }
        message.append(service);
    }
    std::string request(1, '\0');
    for (int shift = 24; shift >= 0; shift -= 8)
        request.push_back(static_cast<char>(message.size() >> shift & 0xff));
    return request + message;
}

Outcome judge_health(HealthAnswer const& answer) {
    using enum OutcomeCode;
    if (answer.http_status != 200)
        return outcome_of(answer.http_status == 0 ? L7RSP : L7STS, answer, "no answer of a gRPC server");
    if (!answer.grpc_status) return outcome_of(L7RSP, answer, "no grpc-status in the answer");
    if (*answer.grpc_status != 0) return outcome_of(L7STS, answer, grpc_text(answer));
    auto const message = message_in(answer.body);
    auto const status = message ? serving_status(*message) : std::nullopt;
    if (!status || *status >= serving_statuses.size())
        return outcome_of(L7RSP, answer, "no HealthCheckResponse in the answer");
    if (*status == 1) return outcome_of(L7OK, answer, {});
    return outcome_of(L7STS, answer, std::string{serving_statuses[*status]});
}

} // namespace pointsman
