#pragma once

#include "controller/model/address.hpp"
#include "controller/model/desired_state.hpp"
#include "controller/model/generation.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace pointsman::test {

/// The octets of an Ethernet frame, without the frame check sequence.
using Frame = std::vector<std::uint8_t>;

inline constexpr std::size_t ethernet_length = 14;
inline constexpr std::size_t ipv4_length = 20; ///< without options
inline constexpr std::size_t tcp_length = 20;  ///< without options
inline constexpr std::size_t udp_length = 8;

enum TcpFlags : std::uint8_t { fin = 0x01, syn = 0x02, rst = 0x04, psh = 0x08, ack = 0x10 };

enum Fragment : std::uint16_t { dont_fragment = 0x4000, more_fragments = 0x2000 };

/// An IPv4 packet in an Ethernet frame, field by field, in host order. Lengths and checksums follow from the
/// rest.
struct Packet {
    Mac to{};
    Mac from{};
    Address source;
    Address destination;
    std::uint8_t ttl = 64;
    std::uint16_t identification = 0;
    std::uint16_t fragment = dont_fragment;
    std::vector<std::uint8_t> ip_options{}; ///< a multiple of 4 octets, at most 40
    Protocol protocol = Protocol::tcp;
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;
    std::uint8_t flags = 0;         ///< TCP
    std::uint32_t sequence = 0;     ///< TCP
    std::uint32_t acknowledged = 0; ///< TCP
    std::uint16_t window = 0;       ///< TCP
    bool has_udp_checksum = true;   ///< UDP: false sends zero, which means none
    std::vector<std::uint8_t> payload{};

    friend bool operator==(Packet const&, Packet const&) = default;
};

/// The frame with every length and checksum right.
[[nodiscard]] Frame encode(Packet const& packet);

/// Reads a TCP or UDP packet; nullopt for anything else and for truncated frames. Checksums are not looked
/// at.
[[nodiscard]] std::optional<Packet> decode(std::span<std::uint8_t const> frame);

/// Are the IPv4 header's checksum and the TCP or UDP checksum right? Both are computed from scratch. A UDP
/// checksum of zero is right: there is none.
[[nodiscard]] bool has_valid_checksums(std::span<std::uint8_t const> frame);

/// Internet checksum (RFC 1071) of octets in network order, before the complement. `sum` continues an earlier
/// one.
[[nodiscard]] std::uint32_t sum_octets(std::span<std::uint8_t const> octets, std::uint32_t sum = 0) noexcept;

/// Every field of a frame on one line, for messages of failed tests.
[[nodiscard]] std::string describe(std::span<std::uint8_t const> frame);

/// The frame with one octet replaced: how malformed packets are made.
[[nodiscard]] Frame with_octet(Frame frame, std::size_t offset, std::uint8_t value);

[[nodiscard]] std::uint16_t read_16(std::span<std::uint8_t const> octets, std::size_t offset);
[[nodiscard]] std::uint32_t read_32(std::span<std::uint8_t const> octets, std::size_t offset);
void write_16(std::span<std::uint8_t> octets, std::size_t offset, std::uint32_t value);

} // namespace pointsman::test
