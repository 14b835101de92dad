#pragma once

#include "controller/datapath/session_table.hpp"
#include "controller/model/endpoint.hpp"

#include <chrono>
#include <optional>
#include <string_view>

namespace pointsman {

/// Which sessions are wanted.
struct SessionFilter {
    std::optional<std::uint16_t> service; ///< id
    std::optional<std::uint32_t> backend; ///< id
    std::size_t limit = 0;                ///< of those that are listed; all are counted
};

/// One flow, as its session towards the backend knows it.
struct ListedSession {
    Endpoint client;
    std::uint16_t service_port = 0;
    std::uint16_t service = 0;     ///< id
    std::uint32_t backend = 0;     ///< id
    std::uint16_t nat_address = 0; ///< index in Generation::nat_addresses
    std::uint16_t nat_port = 0;
    std::uint8_t protocol = 0; ///< as in IP
    std::string_view state;    ///< embryonic, established or closing
    std::chrono::milliseconds idle{};
    std::chrono::milliseconds age{}; ///< since the first packet

    friend bool operator==(ListedSession const&, ListedSession const&) = default;
};

struct SessionList {
    std::vector<ListedSession> sessions; ///< in no particular order
    std::uint64_t total = 0;             ///< that fit the filter
};

/// The moment of a snapshot in the units of the kernel's stamps.
struct SessionClock {
    std::uint64_t ticks_per_second = 1000;
    std::uint64_t opened_now = 0; ///< CLOCK_MONOTONIC in units of 1024 ns
};

[[nodiscard]] SessionClock session_clock_now(std::uint64_t ticks_per_second) noexcept;

/// Reads the whole table (some milliseconds for a million entries); any thread.
[[nodiscard]] SessionList list_sessions(SessionSnapshot const& snapshot, SessionFilter const& filter,
                                        SessionClock const& clock);

/// "embryonic", "established", "closing", "closed" or "cut": what PM_SESSION_* bits come to.
[[nodiscard]] std::string_view session_state_name(std::uint32_t bits) noexcept;

} // namespace pointsman
