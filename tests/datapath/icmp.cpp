#include "tests/datapath/icmp.hpp"

#include "tests/datapath/frame_layout.hpp"

#include <algorithm>

namespace pointsman::test {
namespace {

struct TypeAndCode {
    std::uint8_t type;
    std::uint8_t code;
};

TypeAndCode numbers_of(IcmpError error, bool v6) {
    switch (error) {
    case IcmpError::unreachable: return v6 ? TypeAndCode{1, 4} : TypeAndCode{3, 3};
    case IcmpError::too_big: return v6 ? TypeAndCode{2, 0} : TypeAndCode{3, 4};
    case IcmpError::time_exceeded: return v6 ? TypeAndCode{3, 0} : TypeAndCode{11, 0};
    case IcmpError::parameter_problem: return v6 ? TypeAndCode{4, 1} : TypeAndCode{12, 0};
    }
    throw std::logic_error{"no such ICMP error"};
}

constexpr std::size_t too_big_quote = 68; ///< the longest IPv4 header and 8 octets more

} // namespace

Address router_address(bool v6) {
    return v6 ? v6_address(0x20, 99) : Address::v4(0xcb'00'71'09);
}

Octets quote_of(Packet const& packet, std::size_t l4_octets) {
    return quote_of(packet, packet, l4_octets);
}

Octets quote_of(Packet const& packet, Packet const& original, std::size_t l4_octets) {
    auto frame = encode(packet);
    auto const layout = *layout_of(frame);
    write_16(frame, layout.l4_checksum(), read_16(encode(original), layout.l4_checksum()));
    auto const length = std::min(layout.l4 + l4_octets, layout.end) - layout.l3;
    auto const quote = std::span{frame}.subspan(layout.l3, length);
    return {quote.begin(), quote.end()};
}

Packet error_message(IcmpError error, Address const& source, Address const& destination, Octets quote) {
    auto const [type, code] = numbers_of(error, !source.is_v4());
    Packet packet;
    packet.to = client_side_mac;
    packet.from = router_mac;
    packet.source = source;
    packet.destination = destination;
    packet.ttl = 250;
    packet.fragment = 0;
    packet.protocol = source.is_v4() ? icmp : icmpv6;
    packet.icmp_type = type;
    packet.icmp_code = code;
    packet.icmp_rest = error == IcmpError::too_big ? 1400 : 0;
    packet.payload = std::move(quote);
    return packet;
}

Packet echo_request(bool v6) {
    auto packet = packet_of({Protocol::udp, v6});
    packet.protocol = v6 ? icmpv6 : icmp;
    packet.source_port = packet.destination_port = 0;
    packet.icmp_type = v6 ? 128 : 8;
    packet.icmp_rest = 0x1234'0001;
    packet.ttl = 1;
    return packet;
}

Packet echo_reply(Packet const& request) {
    auto reply = request;
    reply.to = request.from;
    reply.from = request.to;
    reply.source = request.destination;
    reply.destination = request.source;
    reply.ttl = 64;
    reply.icmp_type = request.is_v6() ? 129 : 0;
    return reply;
}

Packet too_big_for(Packet const& sent, std::uint32_t mtu) {
    auto const l4 = encode(sent).size() - layout_of(encode(sent))->l4;
    auto quote = quote_of(sent, l4);
    quote.resize(too_big_quote);
    auto packet = error_message(IcmpError::too_big, sent.destination, sent.source, std::move(quote));
    packet.to = sent.from;
    packet.from = sent.to;
    packet.tags = sent.tags;
    packet.ttl = 64;
    packet.fragment = dont_fragment;
    packet.icmp_rest = mtu;
    return packet;
}

} // namespace pointsman::test
