#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace pointsman {

/// One moment on both clocks: wall time for people, monotonic time for differences.
struct Moment {
    std::chrono::system_clock::time_point wall;
    std::uint64_t mono_ns = 0; ///< CLOCK_MONOTONIC, the same as steady_clock here

    [[nodiscard]] static Moment now() noexcept;
    /// A moment just passed: the wall clock is read now.
    [[nodiscard]] static Moment at(std::chrono::steady_clock::time_point time) noexcept;
};

/// RFC 3339 in UTC with microseconds: 2026-11-20T05:22:29.123456Z
[[nodiscard]] std::string rfc3339(std::chrono::system_clock::time_point time);

// As numbers, for records and metrics.
[[nodiscard]] std::int64_t microseconds_of(std::chrono::steady_clock::duration duration) noexcept;
[[nodiscard]] double seconds_of(std::chrono::steady_clock::duration duration) noexcept;

[[nodiscard]] std::uint64_t mono_ns(std::chrono::steady_clock::time_point time) noexcept;

} // namespace pointsman
