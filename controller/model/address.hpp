#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pointsman {

/// An IPv4 or IPv6 address as the datapath stores it: 16 octets in network order, IPv4 as ::ffff:a.b.c.d.
class Address {
public:
    constexpr Address() = default;

    /// Accepts dotted-quad IPv4 and RFC 4291 IPv6 text without a zone; nullopt for anything else.
    [[nodiscard]] static std::optional<Address> parse(std::string_view text);

    /// From an IPv4 address in host order.
    [[nodiscard]] static constexpr Address v4(std::uint32_t host_order) noexcept;

    /// From 16 octets in network order.
    [[nodiscard]] static constexpr Address from_octets(std::array<std::uint8_t, 16> octets) noexcept;

    [[nodiscard]] constexpr bool is_v4() const noexcept;
    [[nodiscard]] constexpr bool is_unspecified() const noexcept;
    [[nodiscard]] constexpr std::array<std::uint8_t, 16> const& octets() const noexcept { return octets_; }
    [[nodiscard]] std::string text() const;

    friend constexpr auto operator<=>(Address const&, Address const&) = default;

private:
    std::array<std::uint8_t, 16> octets_{};
};

/// All addresses that begin with the same bits; the others of `address` are 0.
struct Prefix {
    Address address;
    unsigned length = 0; ///< in bits, of the address of its own family

    /// How many of an address's last bits are free; no more than 32 are made use of.
    [[nodiscard]] constexpr unsigned host_bits() const noexcept {
        return std::min((address.is_v4() ? 32U : 128U) - length, 32U);
    }
    friend constexpr auto operator<=>(Prefix const&, Prefix const&) = default;
};

constexpr Address Address::from_octets(std::array<std::uint8_t, 16> octets) noexcept {
    Address address;
    address.octets_ = octets;
    return address;
}

constexpr Address Address::v4(std::uint32_t host_order) noexcept {
    return from_octets({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, static_cast<std::uint8_t>(host_order >> 24),
                        static_cast<std::uint8_t>(host_order >> 16),
                        static_cast<std::uint8_t>(host_order >> 8), static_cast<std::uint8_t>(host_order)});
}

constexpr bool Address::is_v4() const noexcept {
    for (std::size_t i = 0; i < 10; ++i)
        if (octets_[i] != 0) return false;
    return octets_[10] == 0xff && octets_[11] == 0xff;
}

constexpr bool Address::is_unspecified() const noexcept {
    for (std::size_t i = is_v4() ? 12 : 0; i < 16; ++i)
        if (octets_[i] != 0) return false;
    return true;
}

/// "192.0.2.1:80" or "[2001:db8::1]:80".
[[nodiscard]] std::string endpoint_text(Address const& address, std::uint16_t port);

} // namespace pointsman
