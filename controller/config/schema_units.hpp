#pragma once

#include <cstdint>

/// Durations in the schema are nanoseconds.
namespace pointsman::units {

inline constexpr std::int64_t millisecond = 1'000'000;
inline constexpr std::int64_t second = 1000 * millisecond;
inline constexpr std::int64_t hour = 3600 * second;

} // namespace pointsman::units
