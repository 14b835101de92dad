#include "controller/config/unicode.hpp"

namespace pointsman {
namespace {

struct Form {
    std::size_t length;
    std::uint32_t smallest; ///< below this the encoding is overlong
    std::uint8_t mask, lead;
};

constexpr Form forms[] = {
    {1, 0, 0x80, 0x00}, {2, 0x80, 0xe0, 0xc0}, {3, 0x800, 0xf0, 0xe0}, {4, 0x10000, 0xf8, 0xf0}};

CodePoint decode(std::string_view text, Form const& form) noexcept {
    if (text.size() < form.length) return {};
    auto value = static_cast<std::uint32_t>(static_cast<std::uint8_t>(text[0]) & ~form.mask);
    for (std::size_t i = 1; i < form.length; ++i) {
        auto const octet = static_cast<std::uint8_t>(text[i]);
        if ((octet & 0xc0) != 0x80) return {};
        value = value << 6 | (octet & 0x3fU);
    }
    bool const surrogate = value >= 0xd800 && value <= 0xdfff;
    if (value < form.smallest || value > 0x10ffff || surrogate) return {};
    return {value, form.length};
}

} // namespace

CodePoint first_code_point(std::string_view text) noexcept {
    auto const lead = static_cast<std::uint8_t>(text[0]);
    for (Form const& form : forms)
        if ((lead & form.mask) == form.lead) return decode(text, form);
    return {};
}

} // namespace pointsman
