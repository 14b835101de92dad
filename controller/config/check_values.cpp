#include "controller/config/check_values.hpp"

#include <algorithm>
#include <array>

namespace pointsman {
namespace {

std::optional<unsigned> hex_digit(char c) {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
    if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10;
    return std::nullopt;
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_token_octet(char c) {
    auto const l = lower(c);
    return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos;
}

bool is_field_octet(char c) {
    return (c >= ' ' && c < '\x7f') || c == '\t';
}

bool same_name(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return lower(x) == lower(y); });
}

} // namespace

std::optional<std::string> parse_octets(std::string_view text) {
    std::string octets;
    while (!text.empty()) {
        if (text.front() == ' ') {
            text.remove_prefix(1);
            continue;
        }
        auto const high = hex_digit(text[0]);
        auto const low = text.size() > 1 ? hex_digit(text[1]) : std::nullopt;
        if (!high || !low) return std::nullopt;
        octets.push_back(static_cast<char>(*high << 4 | *low));
        text.remove_prefix(2);
    }
    if (octets.empty() || octets.size() > longest_check_text) return std::nullopt;
    return octets;
}

bool is_header_name(std::string_view text) {
    return !text.empty() && text.size() <= 255 && std::all_of(text.begin(), text.end(), is_token_octet);
}

bool is_header_value(std::string_view text) {
    auto const blank = [](char c) { return c == ' ' || c == '\t'; };
    return text.size() <= longest_check_text && std::all_of(text.begin(), text.end(), is_field_octet) &&
           (text.empty() || (!blank(text.front()) && !blank(text.back())));
}

bool is_reserved_header(std::string_view name) {
    constexpr std::array<std::string_view, 4> reserved{"host", "connection", "content-length",
                                                       "transfer-encoding"};
    return std::any_of(reserved.begin(), reserved.end(),
                       [name](std::string_view each) { return same_name(each, name); });
}

} // namespace pointsman
