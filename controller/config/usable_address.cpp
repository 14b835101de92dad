#include "controller/config/usable_address.hpp"

namespace pointsman {
namespace {

bool is_loopback(Address const& address) {
    auto const& octets = address.octets();
    if (address.is_v4()) return octets[12] == 127;
    std::array<std::uint8_t, 16> loopback{};
    loopback[15] = 1;
    return octets == loopback;
}

bool is_link_local_v6(Address const& address) {
    auto const& octets = address.octets();
    return octets[0] == 0xfe && (octets[1] & 0xc0) == 0x80;
}

bool is_multicast(Address const& address) {
    auto const& octets = address.octets();
    return address.is_v4() ? (octets[12] & 0xf0) == 0xe0 : octets[0] == 0xff;
}

} // namespace

std::optional<AddressFlaw> flaw_of(Address const& address) {
    bool const this_network = address.is_v4() && address.octets()[12] == 0; // RFC 1122, section 3.2.1.3
    if (address.is_unspecified() || this_network)
        return AddressFlaw{"the unspecified address", "name one address; there is no \"any\" address here"};
    if (is_loopback(address))
        return AddressFlaw{
            "a loopback address",
            "loopback never crosses a network interface, so it cannot be reached through NAT; use the "
            "address of an interface"};
    if (is_link_local_v6(address))
        return AddressFlaw{"a link-local address",
                           "it means something on one link only; use a global or unique local one"};
    if (is_multicast(address)) return AddressFlaw{"a multicast address", "use a unicast address"};
    if (address == Address::v4(0xffffffff))
        return AddressFlaw{"the broadcast address", "use a unicast address"};
    return std::nullopt;
}

} // namespace pointsman
