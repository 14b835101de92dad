#include "tests/datapath/frame_layout.hpp"

#include <algorithm>
#include <sstream>

namespace pointsman::test {
namespace {

Octets copy(std::span<std::uint8_t const> octets) {
    return {octets.begin(), octets.end()};
}

Address read_v6(std::span<std::uint8_t const> frame, std::size_t offset) {
    std::array<std::uint8_t, 16> octets;
    std::ranges::copy(frame.subspan(offset, 16), octets.begin());
    return Address::from_octets(octets);
}

void read_ethernet(Packet& packet, std::span<std::uint8_t const> frame, Layout const& layout) {
    std::ranges::copy(frame.first(6), packet.to.begin());
    std::ranges::copy(frame.subspan(6, 6), packet.from.begin());
    for (std::size_t i = 0; i < layout.tags; ++i)
        packet.tags.push_back({read_16(frame, 12 + i * 4), read_16(frame, 14 + i * 4)});
}

void read_ipv4(Packet& packet, std::span<std::uint8_t const> ip, Layout const& layout) {
    packet.traffic_class = ip[1];
    packet.identification = read_16(ip, 4);
    packet.fragment = read_16(ip, 6);
    packet.ttl = ip[8];
    packet.source = Address::v4(read_32(ip, 12));
    packet.destination = Address::v4(read_32(ip, 16));
    packet.ip_options = copy(ip.subspan(ipv4_length, layout.l4 - layout.l3 - ipv4_length));
}

void read_ipv6(Packet& packet, std::span<std::uint8_t const> ip, Layout const& layout) {
    packet.traffic_class = static_cast<std::uint8_t>(read_32(ip, 0) >> 20);
    packet.flow_label = read_32(ip, 0) & 0xfffff;
    packet.ttl = ip[7];
    packet.source = read_v6(ip, 8);
    packet.destination = read_v6(ip, 24);
    auto type = ip[6];
    auto const end = layout.l4 - layout.l3;
    for (auto at = ipv6_length; at < end;) {
        auto const length = type == fragment_header ? 8U
                            : type == 51            ? (ip[at + 1] + 2U) * 4
                                                    : (ip[at + 1] + 1U) * 8;
        packet.extensions.push_back({type, copy(ip.subspan(at + 1, length - 1))});
        type = ip[at];
        at += length;
    }
}

void read_tcp(Packet& packet, std::span<std::uint8_t const> l4) {
    packet.source_port = read_16(l4, 0);
    packet.destination_port = read_16(l4, 2);
    packet.sequence = read_32(l4, 4);
    packet.acknowledged = read_32(l4, 8);
    packet.flags = l4[13];
    packet.window = read_16(l4, 14);
    auto const header = std::clamp<std::size_t>((l4[12] >> 4) * 4U, tcp_length, l4.size());
    packet.tcp_options = copy(l4.subspan(tcp_length, header - tcp_length));
    packet.payload = copy(l4.subspan(header));
}

void read_udp(Packet& packet, std::span<std::uint8_t const> l4) {
    packet.source_port = read_16(l4, 0);
    packet.destination_port = read_16(l4, 2);
    packet.has_udp_checksum = read_16(l4, 6) != 0;
    packet.payload = copy(l4.subspan(udp_length));
}

void read_icmp(Packet& packet, std::span<std::uint8_t const> l4) {
    packet.icmp_type = l4[0];
    packet.icmp_code = l4[1];
    packet.icmp_rest = read_32(l4, 4);
    packet.payload = copy(l4.subspan(icmp_length));
}

void read_l4(Packet& packet, std::span<std::uint8_t const> l4, Layout const& layout) {
    if (layout.l4_header() == 0)
        packet.payload = copy(l4);
    else if (packet.protocol == Protocol::tcp)
        read_tcp(packet, l4);
    else if (packet.protocol == Protocol::udp)
        read_udp(packet, l4);
    else
        read_icmp(packet, l4);
}

void describe_l4(std::ostream& out, Packet const& packet) {
    if (packet.protocol == Protocol::tcp)
        out << "flags " << unsigned{packet.flags} << " seq " << packet.sequence << " ack "
            << packet.acknowledged << " window " << packet.window << " options "
            << hex(packet.tcp_options, ' ');
    else if (packet.protocol == icmp || packet.protocol == icmpv6)
        out << "type " << unsigned{packet.icmp_type} << " code " << unsigned{packet.icmp_code} << " rest "
            << packet.icmp_rest;
    else if (packet.protocol == Protocol::udp)
        out << (packet.has_udp_checksum ? "" : "without checksum");
}

void describe_l3(std::ostream& out, Packet const& packet) {
    out << endpoint_text(packet.source, packet.source_port) << " -> "
        << endpoint_text(packet.destination, packet.destination_port) << " protocol "
        << static_cast<unsigned>(packet.protocol) << " ttl " << unsigned{packet.ttl} << " class "
        << unsigned{packet.traffic_class};
    if (packet.is_v6())
        out << " label " << packet.flow_label;
    else
        out << " id " << packet.identification << " fragment " << packet.fragment << " options "
            << hex(packet.ip_options, ' ');
    for (auto const& extension : packet.extensions)
        out << " extension " << unsigned{extension.type} << ' ' << hex(extension.body, ' ');
}

} // namespace

std::optional<Packet> decode(std::span<std::uint8_t const> frame) {
    auto const layout = layout_of(frame);
    if (!layout) return std::nullopt;
    Packet packet;
    read_ethernet(packet, frame, *layout);
    if (layout->v6)
        read_ipv6(packet, frame.subspan(layout->l3), *layout);
    else
        read_ipv4(packet, frame.subspan(layout->l3), *layout);
    packet.protocol = layout->protocol;
    read_l4(packet, frame.subspan(layout->l4, layout->end - layout->l4), *layout);
    return packet;
}

std::string describe(std::span<std::uint8_t const> frame) {
    std::ostringstream out;
    auto const packet = decode(frame);
    if (!packet) {
        out << frame.size() << " octets: " << hex(frame, ' ');
        return std::move(out).str();
    }
    out << hex(packet->from, ':') << " -> " << hex(packet->to, ':');
    for (auto const& tag : packet->tags)
        out << " vlan " << tag.protocol << '/' << tag.tci;
    out << " | ";
    describe_l3(out, *packet);
    out << " | ";
    describe_l4(out, *packet);
    out << " | payload " << packet->payload.size() << ": "
        << hex(std::span{packet->payload}.first(std::min<std::size_t>(packet->payload.size(), 80)), ' ')
        << " | " << frame.size() << " octets, checksums " << (has_valid_checksums(frame) ? "right" : "WRONG");
    return std::move(out).str();
}

} // namespace pointsman::test
