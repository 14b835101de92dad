#include "controller/model/address.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>

namespace pointsman {

std::optional<Address> Address::parse(std::string_view text) {
    if (text.find('\0') != text.npos) return std::nullopt;
    std::string const terminated{text};
    std::array<std::uint8_t, 16> octets{};
    if (in_addr v4{}; inet_pton(AF_INET, terminated.c_str(), &v4) == 1) return Address::v4(ntohl(v4.s_addr));
    if (inet_pton(AF_INET6, terminated.c_str(), octets.data()) == 1) return from_octets(octets);
    return std::nullopt;
}

std::string Address::text() const {
    std::array<char, INET6_ADDRSTRLEN> out{};
    if (is_v4())
        inet_ntop(AF_INET, octets_.data() + 12, out.data(), out.size());
    else
        inet_ntop(AF_INET6, octets_.data(), out.data(), out.size());
    return out.data();
}

std::string endpoint_text(Address const& address, std::uint16_t port) {
    auto const text = address.is_v4() ? address.text() : "[" + address.text() + "]";
    return text + ":" + std::to_string(port);
}

} // namespace pointsman
