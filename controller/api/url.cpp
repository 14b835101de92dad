#include "controller/api/url.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace pointsman {
namespace {

constexpr std::string_view hex_digits = "0123456789ABCDEF";

std::optional<std::string> decode(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        std::uint8_t octet = 0;
        auto const* const first = text.data() + i + 1;
        if (i + 2 >= text.size() || std::from_chars(first, first + 2, octet, 16).ptr != first + 2)
            return std::nullopt;
        out += static_cast<char>(octet);
        i += 2;
    }
    return out;
}

bool stays(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view{"-._~/"}.find(c) != std::string_view::npos;
}

} // namespace

std::string Url::get(std::string_view name) const {
    auto const found = query.find(name);
    return found == query.end() ? std::string{} : found->second;
}

std::optional<Url> parse_url(std::string_view target) {
    auto const question = target.find('?');
    Url url{std::string{target.substr(0, question)}, {}};
    if (question == std::string_view::npos) return url;
    auto rest = target.substr(question + 1);
    while (!rest.empty()) {
        auto const pair = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
        auto const equals = pair.find('=');
        auto name = decode(pair.substr(0, equals));
        auto value = decode(equals == std::string_view::npos ? "" : pair.substr(equals + 1));
        if (!name || !value) return std::nullopt;
        if (!name->empty()) url.query.try_emplace(std::move(*name), std::move(*value));
    }
    return url;
}

std::string escape_query(std::string_view text) {
    std::string out;
    for (char const c : text) {
        if (stays(c)) {
            out += c;
            continue;
        }
        auto const octet = static_cast<std::uint8_t>(c);
        out += '%';
        out += hex_digits[octet >> 4];
        out += hex_digits[octet & 15];
    }
    return out;
}

} // namespace pointsman
