#include "tests/datapath/frame.hpp"

#include "tests/datapath/frame_layout.hpp"

namespace pointsman::test {
namespace {

bool is_later_fragment(Packet const& packet) {
    if (!packet.is_v6()) return (packet.fragment & 0x1fff) != 0;
    for (auto const& extension : packet.extensions)
        if (extension.type == fragment_header && (read_16(extension.body, 1) & 0xfff8) != 0) return true;
    return false;
}

Octets tcp_segment(Packet const& packet) {
    Writer out;
    out.word(packet.source_port).word(packet.destination_port);
    out.dword(packet.sequence).dword(packet.acknowledged);
    out.octet((tcp_length + packet.tcp_options.size()) / 4 << 4).octet(packet.flags).word(packet.window);
    return out.dword(0).octets(packet.tcp_options).octets(packet.payload).take();
}

Octets udp_datagram(Packet const& packet) {
    Writer out;
    out.word(packet.source_port).word(packet.destination_port);
    return out.word(udp_length + packet.payload.size()).word(0).octets(packet.payload).take();
}

Octets icmp_message(Packet const& packet) {
    Writer out;
    out.octet(packet.icmp_type).octet(packet.icmp_code).word(0).dword(packet.icmp_rest);
    return out.octets(packet.payload).take();
}

Octets l4_of(Packet const& packet) {
    if (is_later_fragment(packet)) return packet.payload;
    if (packet.protocol == Protocol::tcp) return tcp_segment(packet);
    if (packet.protocol == Protocol::udp) return udp_datagram(packet);
    return packet.protocol == icmp || packet.protocol == icmpv6 ? icmp_message(packet) : packet.payload;
}

void write_v4(Writer& out, Packet const& packet, std::size_t l4_length) {
    auto const header = ipv4_length + packet.ip_options.size();
    out.octet(4U << 4 | header / 4).octet(packet.traffic_class).word(header + l4_length);
    out.word(packet.identification).word(packet.fragment).octet(packet.ttl);
    out.octet(static_cast<unsigned>(packet.protocol)).word(0);
    out.address(packet.source).address(packet.destination).octets(packet.ip_options);
}

void write_v6(Writer& out, Packet const& packet, std::size_t l4_length) {
    auto const& extensions = packet.extensions;
    auto const type = [&](std::size_t i) {
        return i < extensions.size() ? unsigned{extensions[i].type} : static_cast<unsigned>(packet.protocol);
    };
    auto length = l4_length;
    for (auto const& extension : extensions)
        length += 1 + extension.body.size();
    out.dword(6U << 28 | std::uint32_t{packet.traffic_class} << 20 | packet.flow_label)
        .word(length)
        .octet(type(0))
        .octet(packet.ttl);
    out.address(packet.source).address(packet.destination);
    for (std::size_t i = 0; i < extensions.size(); ++i)
        out.octet(type(i + 1)).octets(extensions[i].body);
}

void write_checksums(Frame& frame, bool has_udp_checksum) {
    auto const layout = layout_of(frame);
    if (!layout) return; // a header that contradicts itself on purpose
    if (!layout->v6) {
        auto const header = std::span{frame}.subspan(layout->l3, layout->l4 - layout->l3);
        write_16(header, 10, 0);
        write_16(header, 10, static_cast<std::uint16_t>(~fold_sum(sum_octets(header))));
    }
    auto const udp = layout->protocol == Protocol::udp;
    if (layout->l4_checksum() == 0 || (udp && !has_udp_checksum)) return;
    write_16(frame, layout->l4_checksum(), 0);
    auto checksum = static_cast<std::uint16_t>(~l4_sum(frame, *layout));
    if (udp && checksum == 0) checksum = 0xffff; // RFC 768
    write_16(frame, layout->l4_checksum(), checksum);
}

} // namespace

Frame encode(Packet const& packet) {
    Writer out;
    out.octets(packet.to).octets(packet.from);
    for (auto const& tag : packet.tags)
        out.word(tag.protocol).word(tag.tci);
    out.word(packet.is_v6() ? ethertype_ipv6 : ethertype_ipv4);
    auto const l4 = l4_of(packet);
    if (packet.is_v6())
        write_v6(out, packet, l4.size());
    else
        write_v4(out, packet, l4.size());
    auto frame = out.octets(l4).take();
    write_checksums(frame, packet.has_udp_checksum);
    return frame;
}

bool has_valid_checksums(std::span<std::uint8_t const> frame) {
    auto const layout = layout_of(frame);
    if (!layout) return false;
    if (!layout->v6 && fold_sum(sum_octets(frame.subspan(layout->l3, layout->l4 - layout->l3))) != 0xffff)
        return false;
    if (layout->l4_checksum() == 0 || layout->fragment) return true;
    auto const none = layout->protocol == Protocol::udp && read_16(frame, layout->l4_checksum()) == 0;
    return none || l4_sum(frame, *layout) == 0xffff;
}

Frame with_right_checksums(Frame frame) {
    auto const layout = layout_of(frame);
    auto const has_none = layout && layout->protocol == Protocol::udp && layout->l4_checksum() != 0 &&
                          read_16(frame, layout->l4_checksum()) == 0;
    write_checksums(frame, !has_none);
    return frame;
}

Frame with_octet(Frame frame, std::size_t offset, std::uint8_t value) {
    frame.at(offset) = value;
    return frame;
}

} // namespace pointsman::test
