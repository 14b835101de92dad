#pragma once

#include "controller/model/state.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pointsman {

/// What one probe found, in HAProxy's codes (configuration manual, "CSV format", check_status).
enum class OutcomeCode : std::uint8_t {
    L4OK,   ///< connected
    L4CON,  ///< refused or unreachable
    L4TOUT, ///< no answer to the connection in time
    L6OK,
    L6RSP,  ///< no TLS, or not as it must be; `text` says why
    L6TOUT, ///< connected, but TLS was not agreed upon in time
    L7OK,   ///< answered as expected
    L7STS,  ///< answered with an unexpected status, or that it is not healthy
    L7RSP,  ///< answered with something that is no valid answer
    L7TOUT, ///< connected, but the answer did not arrive in time
    OWN, ///< the balancer itself could not probe (no descriptors, no ports): says nothing about the backend
};

[[nodiscard]] std::string_view name_of(OutcomeCode code) noexcept;

[[nodiscard]] constexpr bool passed(OutcomeCode code) noexcept {
    return code == OutcomeCode::L4OK || code == OutcomeCode::L6OK || code == OutcomeCode::L7OK;
}

/// When each step of a probe was done, from its beginning; nullopt: it was not reached, or there is none.
struct ProbeSteps {
    std::optional<std::chrono::microseconds> connected{};
    std::optional<std::chrono::microseconds> sent{};
    std::optional<std::chrono::microseconds> first_byte{};

    friend bool operator==(ProbeSteps const&, ProbeSteps const&) = default;
};

inline constexpr std::size_t first_bytes_limit = 64;
inline constexpr std::size_t outcome_text_limit = 128;

/// What a probe reports. It judges one attempt, never the backend.
struct Outcome {
    OutcomeCode code = OutcomeCode::L4OK;
    std::chrono::microseconds duration{}; ///< from the first system call to the last byte read
    int error = 0;                        ///< errno of a failed system call, else 0
    unsigned status = 0;                  ///< HTTP status when one was received, else 0
    std::string first_bytes{}; ///< at most 64 raw octets of an unexpected answer; escape before printing
    /// Why, in words, or what the backend says of itself; at most 128 raw octets: escape before printing.
    std::string text{};
    /// What the backend asks for itself, whether it passed or not: drain by a status of drain_status; ready,
    /// drain or maint by its agent. What becomes of it: on_outcome.
    std::optional<AdminState> asks{};
    std::optional<unsigned> weight_percent{}; ///< agent: share of its weight that it asks for, 0-65535
    std::optional<bool> healthy{};            ///< agent: what it says of its health, if it does
    ProbeSteps steps{};

    [[nodiscard]] bool passed() const noexcept { return pointsman::passed(code); }
    /// Works, and asks for no new flows.
    [[nodiscard]] bool drains() const noexcept { return passed() && asks == AdminState::drain; }
    /// Asks for no flows at all, whether it works or not.
    [[nodiscard]] bool rests() const noexcept { return asks == AdminState::maint; }
    friend bool operator==(Outcome const&, Outcome const&) = default;
};

} // namespace pointsman
