#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pointsman {

/// One decoded character. `length` is 0 when the octets at the start are not UTF-8 (RFC 3629, table 3-7 of
/// Unicode).
struct CodePoint {
    std::uint32_t value = 0;
    std::size_t length = 0;
};

/// The first character of a non-empty text.
[[nodiscard]] CodePoint first_code_point(std::string_view text) noexcept;

/// C0, DEL and C1: what a terminal may obey.
[[nodiscard]] constexpr bool is_control(std::uint32_t value) noexcept {
    return value < 0x20 || (value >= 0x7f && value < 0xa0);
}

} // namespace pointsman
