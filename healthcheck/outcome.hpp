#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace pointsman {

/// What one probe found, in HAProxy's codes (configuration manual, "CSV format", check_status).
enum class OutcomeCode : std::uint8_t {
    L4OK,   ///< connected
    L4CON,  ///< refused or unreachable
    L4TOUT, ///< no answer to the connection in time
    L6OK,
    L6RSP,
    L6TOUT,
    L7OK,   ///< answered as expected
    L7STS,  ///< answered with an unexpected status
    L7RSP,  ///< answered with something that is no valid answer
    L7TOUT, ///< connected, but the answer did not arrive in time
    OWN, ///< the balancer itself could not probe (no descriptors, no ports): says nothing about the backend
};

[[nodiscard]] std::string_view name_of(OutcomeCode code) noexcept;

[[nodiscard]] constexpr bool passed(OutcomeCode code) noexcept {
    return code == OutcomeCode::L4OK || code == OutcomeCode::L6OK || code == OutcomeCode::L7OK;
}

/// What a probe reports. It judges one attempt, never the backend.
struct Outcome {
    OutcomeCode code = OutcomeCode::L4OK;
    std::chrono::microseconds duration{}; ///< from the first system call to the last byte read
    int error = 0;                        ///< errno of a failed system call, else 0
    unsigned status = 0;                  ///< HTTP status when one was received, else 0
    std::string first_bytes; ///< at most 64 raw octets of an unexpected answer; escape before printing
    bool drain = false;      ///< the backend asks for no new flows; counts as passed whatever the code

    [[nodiscard]] bool passed() const noexcept { return drain || pointsman::passed(code); }
    friend bool operator==(Outcome const&, Outcome const&) = default;
};

} // namespace pointsman
