#include "controller/config/values.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace pointsman {
namespace {

struct Unit {
    std::string_view name;
    std::int64_t nanoseconds;
};

constexpr Unit units[] = {
    {"h", 3'600'000'000'000}, {"m", 60'000'000'000}, {"s", 1'000'000'000}, {"ms", 1'000'000}, {"us", 1'000}};

/// Decimal digits only: no sign, no blank, nothing after them.
constexpr std::int64_t largest_window = 32;

std::optional<std::int64_t> parse_number(std::string_view text) {
    std::int64_t value = 0;
    if (text.empty() || text[0] < '0' || text[0] > '9') return std::nullopt;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::string_view trimmed(std::string_view text) {
    while (text.starts_with(' '))
        text.remove_prefix(1);
    while (text.ends_with(' '))
        text.remove_suffix(1);
    return text;
}

std::optional<StatusRange> parse_status_range(std::string_view text) {
    auto const dash = text.find('-');
    auto const first = parse_number(text.substr(0, dash));
    auto const last = dash == std::string_view::npos ? first : parse_number(text.substr(dash + 1));
    if (!first || !last || *first < 100 || *last > 599 || *first > *last) return std::nullopt;
    return StatusRange{static_cast<unsigned>(*first), static_cast<unsigned>(*last)};
}

std::optional<std::uint8_t> hex_digit(char c) {
    if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') return static_cast<std::uint8_t>(c - 'A' + 10);
    return std::nullopt;
}

bool is_letter_or_digit(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// Printable ASCII without the blank.
bool is_visible(char c) {
    return c > ' ' && c < '\x7f';
}

} // namespace

std::optional<Duration> parse_duration(std::string_view text) {
    auto const end_of_number = std::min(text.find_first_not_of("0123456789"), text.size());
    auto const number = parse_number(text.substr(0, end_of_number));
    if (!number) return std::nullopt;
    for (Unit const& unit : units) {
        if (text.substr(end_of_number) != unit.name) continue;
        if (*number > std::numeric_limits<std::int64_t>::max() / unit.nanoseconds) return std::nullopt;
        return Duration{*number * unit.nanoseconds};
    }
    return std::nullopt;
}

std::string text_of(Duration duration) {
    if (duration == Duration::zero()) return "0s";
    for (Unit const& unit : units)
        if (duration.count() % unit.nanoseconds == 0)
            return std::to_string(duration.count() / unit.nanoseconds) + std::string{unit.name};
    return std::to_string(duration.count() / 1000) + "us";
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
    auto const number = parse_number(text);
    if (!number || *number < 1 || *number > 65535) return std::nullopt;
    return static_cast<std::uint16_t>(*number);
}

std::optional<PortRange> parse_port_range(std::string_view text) {
    auto const dash = text.find('-');
    auto const first = parse_port(text.substr(0, dash));
    auto const last = dash == std::string_view::npos ? first : parse_port(text.substr(dash + 1));
    if (!first || !last || *first > *last) return std::nullopt;
    return PortRange{*first, *last};
}

std::optional<std::vector<StatusRange>> parse_status_list(std::string_view text) {
    std::vector<StatusRange> ranges;
    while (true) {
        auto const comma = text.find(',');
        auto const range = parse_status_range(trimmed(text.substr(0, comma)));
        if (!range) return std::nullopt;
        ranges.push_back(*range);
        if (comma == std::string_view::npos) return ranges;
        text.remove_prefix(comma + 1);
    }
}

std::optional<Prefix> parse_prefix(std::string_view text) {
    auto const slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    auto const address = Address::parse(text.substr(0, slash));
    auto const length = parse_number(text.substr(slash + 1));
    if (!address || !length || *length < 8 || *length > (address->is_v4() ? 32 : 128)) return std::nullopt;
    auto const first_free = static_cast<std::size_t>(*length) + (address->is_v4() ? 96 : 0);
    for (auto bit = first_free; bit < 128; ++bit)
        if (address->octets()[bit / 8] & (0x80 >> bit % 8)) return std::nullopt;
    return Prefix{*address, static_cast<unsigned>(*length)};
}

std::optional<Window> parse_window(std::string_view text) {
    auto const slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    auto const failures = parse_number(text.substr(0, slash));
    auto const of = parse_number(text.substr(slash + 1));
    if (!failures || !of || *failures < 1 || *failures > *of || *of > largest_window) return std::nullopt;
    return Window{static_cast<unsigned>(*failures), static_cast<unsigned>(*of)};
}

std::optional<HashSeed> parse_hash_seed(std::string_view text) {
    HashSeed seed{};
    if (text.size() != 2 * seed.size()) return std::nullopt;
    for (std::size_t i = 0; i < seed.size(); ++i) {
        auto const high = hex_digit(text[2 * i]);
        auto const low = hex_digit(text[2 * i + 1]);
        if (!high || !low) return std::nullopt;
        seed[i] = static_cast<std::uint8_t>(*high << 4 | *low);
    }
    return seed;
}

bool is_name(std::string_view text) {
    auto const allowed = [](char c) { return is_letter_or_digit(c) || c == '_' || c == '.' || c == '-'; };
    return !text.empty() && text.size() <= 63 && std::all_of(text.begin(), text.end(), allowed);
}

bool is_interface_name(std::string_view text) {
    auto const allowed = [](char c) { return is_visible(c) && c != '/' && c != ':'; };
    bool const reserved = text == "." || text == "..";
    return !text.empty() && text.size() <= 15 && !reserved && std::all_of(text.begin(), text.end(), allowed);
}

bool is_path(std::string_view text) {
    auto const allowed = [](char c) { return static_cast<unsigned char>(c) >= ' ' && c != '\x7f'; };
    return text.starts_with('/') && text.size() <= 4095 && std::all_of(text.begin(), text.end(), allowed);
}

bool is_socket_path(std::string_view text) {
    return is_path(text) && text.size() <= 107;
}

bool is_endpoint(std::string_view text) {
    auto const colon = text.rfind(':');
    if (colon == std::string_view::npos || !parse_port(text.substr(colon + 1))) return false;
    auto host = text.substr(0, colon);
    bool const bracketed = host.starts_with('[') && host.ends_with(']');
    if (bracketed) host = host.substr(1, host.size() - 2);
    return Address::parse(host) && bracketed == (host.find(':') != std::string_view::npos);
}

bool is_http_path(std::string_view text) {
    return text.starts_with('/') && text.size() <= 2048 && std::all_of(text.begin(), text.end(), is_visible);
}

bool is_http_host(std::string_view text) {
    return !text.empty() && text.size() <= 255 && std::all_of(text.begin(), text.end(), is_visible);
}

} // namespace pointsman
