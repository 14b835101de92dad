#pragma once

#include "controller/model/desired_state.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pointsman {

/// Inclusive, host order.
struct PortRange {
    std::uint16_t first = 0;
    std::uint16_t last = 0;

    friend bool operator==(PortRange const&, PortRange const&) = default;
};

using HashSeed = std::array<std::uint8_t, 16>;

/// One number and one unit: us, ms, s, m or h. nullopt for anything else, and for what exceeds 64 bits of
/// nanoseconds.
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text);

/// The shortest text that parse_duration reads as the same duration; whole microseconds only.
[[nodiscard]] std::string text_of(Duration duration);

/// 1-65535, decimal.
[[nodiscard]] std::optional<std::uint16_t> parse_port(std::string_view text);

/// "8000-8100", first <= last; a single port is a range of one.
[[nodiscard]] std::optional<PortRange> parse_port_range(std::string_view text);

/// "200-399" or "200,204,300-302"; 100-599 each; blanks around commas are allowed.
[[nodiscard]] std::optional<std::vector<StatusRange>> parse_status_list(std::string_view text);

/// "10.9.0.0/16": an address and 8 to 32 bits (IPv6: to 128) of it; the others are 0.
[[nodiscard]] std::optional<Prefix> parse_prefix(std::string_view text);

/// "3/5": 1 <= failures <= of <= 32.
[[nodiscard]] std::optional<Window> parse_window(std::string_view text);

/// 32 hexadecimal digits, in either case.
[[nodiscard]] std::optional<HashSeed> parse_hash_seed(std::string_view text);

/// [A-Za-z0-9_.-]{1,63}
[[nodiscard]] bool is_name(std::string_view text);

/// What Linux accepts as the name of a network interface: at most 15 octets, no "/", ":" or blank.
[[nodiscard]] bool is_interface_name(std::string_view text);

/// An absolute path without control characters, at most 4095 octets.
[[nodiscard]] bool is_path(std::string_view text);

/// An absolute path that fits sockaddr_un (unix(7)): at most 107 octets.
[[nodiscard]] bool is_socket_path(std::string_view text);

/// "ADDRESS:PORT", IPv6 in brackets.
[[nodiscard]] bool is_endpoint(std::string_view text);

/// An HTTP request target in origin form (RFC 9112, section 3.2.1): "/" and then printable ASCII without
/// blanks.
[[nodiscard]] bool is_http_path(std::string_view text);

/// The value of an HTTP Host header: printable ASCII without blanks, 1-255 octets.
[[nodiscard]] bool is_http_host(std::string_view text);

} // namespace pointsman
