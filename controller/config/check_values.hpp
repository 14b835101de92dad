#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pointsman {

inline constexpr std::size_t longest_check_text = 4096;  ///< octets
inline constexpr std::size_t longest_check_regex = 1024; ///< octets

/// "0d0a" or "0d 0a": pairs of hexadecimal digits in either case, blanks between pairs; 1-4096 octets.
[[nodiscard]] std::optional<std::string> parse_octets(std::string_view text);

/// A token (RFC 9110, section 5.6.2) of 1-255 octets.
[[nodiscard]] bool is_header_name(std::string_view text);

/// At most 4096 octets of visible ASCII, blanks and tabs (RFC 9110, section 5.5), none at its ends.
[[nodiscard]] bool is_header_value(std::string_view text);

/// A header that the probe itself writes, in any case: Host, Connection, Content-Length, Transfer-Encoding.
[[nodiscard]] bool is_reserved_header(std::string_view name);

} // namespace pointsman
