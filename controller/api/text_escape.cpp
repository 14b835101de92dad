#include "controller/api/text_escape.hpp"

namespace pointsman {

std::string escape_octets(std::string_view octets) {
    constexpr char const* digits = "0123456789abcdef";
    std::string out;
    for (char const c : octets) {
        auto const octet = static_cast<unsigned char>(c);
        if (c == '\\') {
            out += "\\\\";
        } else if (octet >= 0x20 && octet < 0x7f) {
            out += c;
        } else {
            out += "\\x";
            out += digits[octet >> 4];
            out += digits[octet & 15];
        }
    }
    return out;
}

} // namespace pointsman
