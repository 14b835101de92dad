#pragma once

#include "tests/datapath/way.hpp"

namespace pointsman::test {

/// A router on the way, of the same family.
[[nodiscard]] Address router_address(bool v6);

enum class IcmpError : std::uint8_t { unreachable, too_big, time_exceeded, parameter_problem };

/// The start of an IP packet: its header and `l4_octets` of what follows.
[[nodiscard]] Octets quote_of(Packet const& packet, std::size_t l4_octets);

/// The same for a packet that was translated after its L4 checksum was written: the quote keeps that.
[[nodiscard]] Octets quote_of(Packet const& packet, Packet const& original, std::size_t l4_octets);

/// An error message that quotes what `destination` sent, to the frame's receiver.
[[nodiscard]] Packet error_message(IcmpError error, Address const& source, Address const& destination,
                                   Octets quote);

[[nodiscard]] Packet echo_request(bool v6);
/// What a host answers to it.
[[nodiscard]] Packet echo_reply(Packet const& request);

/// "Fragmentation needed" or "packet too big", from the service to the packet's sender.
[[nodiscard]] Packet too_big_for(Packet const& sent, std::uint32_t mtu);

} // namespace pointsman::test
