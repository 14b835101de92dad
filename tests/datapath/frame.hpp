#pragma once

#include "controller/model/desired_state.hpp"
#include "controller/model/generation.hpp"
#include "tests/datapath/octets.hpp"

#include <optional>

namespace pointsman::test {

inline constexpr std::size_t ethernet_length = 14;
inline constexpr std::size_t ipv4_length = 20; ///< without options
inline constexpr std::size_t ipv6_length = 40; ///< without extension headers
inline constexpr std::size_t tcp_length = 20;  ///< without options
inline constexpr std::size_t udp_length = 8;
inline constexpr std::size_t icmp_length = 8;

enum TcpFlags : std::uint8_t { fin = 0x01, syn = 0x02, rst = 0x04, psh = 0x08, ack = 0x10 };

enum Fragment : std::uint16_t { dont_fragment = 0x4000, more_fragments = 0x2000 };

// Protocols that are no service's. A packet of one that is not named here has its payload behind the IP
// header.
inline constexpr Protocol icmp{1};
inline constexpr Protocol icmpv6{58};
inline constexpr Protocol ipv4_in_ip{4};
inline constexpr Protocol ipv6_in_ip{41};

/// 802.1Q, or 802.1ad around it.
struct VlanTag {
    std::uint16_t protocol = 0x8100;
    std::uint16_t tci = 0;

    friend bool operator==(VlanTag const&, VlanTag const&) = default;
};

/// An IPv6 extension header: all but its first octet, which names the next one.
struct Extension {
    std::uint8_t type = 0;
    Octets body{};

    friend bool operator==(Extension const&, Extension const&) = default;
};

/// An IP packet in an Ethernet frame, field by field, in host order. Lengths and checksums follow from the
/// rest; the version is that of `source`. A later fragment has no L4 header.
struct Packet {
    Mac to{};
    Mac from{};
    std::vector<VlanTag> tags{}; ///< outermost first
    Address source;
    Address destination;
    std::uint8_t ttl = 64;                  ///< or hop limit
    std::uint8_t traffic_class = 0;         ///< DSCP and ECN
    std::uint16_t identification = 0;       ///< IPv4
    std::uint16_t fragment = dont_fragment; ///< IPv4
    Octets ip_options{};                    ///< IPv4: a multiple of 4 octets, at most 40
    std::uint32_t flow_label = 0;           ///< IPv6
    std::vector<Extension> extensions{};    ///< IPv6
    Protocol protocol = Protocol::tcp;
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;
    std::uint8_t flags = 0;         ///< TCP
    std::uint32_t sequence = 0;     ///< TCP
    std::uint32_t acknowledged = 0; ///< TCP
    std::uint16_t window = 0;       ///< TCP
    Octets tcp_options{};           ///< a multiple of 4 octets, at most 40
    bool has_udp_checksum = true;   ///< UDP: false sends zero, which means none
    std::uint8_t icmp_type = 0;
    std::uint8_t icmp_code = 0;
    std::uint32_t icmp_rest = 0; ///< identifier and sequence number, or the MTU
    Octets payload{};

    [[nodiscard]] bool is_v6() const noexcept { return !source.is_v4(); }
    friend bool operator==(Packet const&, Packet const&) = default;
};

/// The frame with every length and checksum right.
[[nodiscard]] Frame encode(Packet const& packet);

/// Reads an IP packet; nullopt for anything else and for truncated frames. Checksums are not looked at.
[[nodiscard]] std::optional<Packet> decode(std::span<std::uint8_t const> frame);

/// Are the IPv4 header's checksum and the L4 checksum right? Both are computed from scratch. A UDP checksum
/// of zero is right: there is none. That of a fragment cannot be told.
[[nodiscard]] bool has_valid_checksums(std::span<std::uint8_t const> frame);

/// The same frame with both checksums right, as far as its headers can be read. A UDP checksum of zero stays.
[[nodiscard]] Frame with_right_checksums(Frame frame);

/// Every field of a frame on one line, for messages of failed tests.
[[nodiscard]] std::string describe(std::span<std::uint8_t const> frame);

/// The frame with one octet replaced: how malformed packets are made.
[[nodiscard]] Frame with_octet(Frame frame, std::size_t offset, std::uint8_t value);

} // namespace pointsman::test
