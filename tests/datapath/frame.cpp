#include "tests/datapath/frame.hpp"

#include <algorithm>
#include <iomanip>
#include <sstream>

namespace pointsman::test {
namespace {

constexpr std::uint16_t ethertype_ipv4 = 0x0800;

class Writer {
public:
    Writer& octet(unsigned value) {
        frame_.push_back(static_cast<std::uint8_t>(value));
        return *this;
    }
    Writer& word(unsigned value) { return octet(value >> 8).octet(value & 0xff); }
    Writer& dword(std::uint32_t value) { return word(value >> 16).word(value & 0xffff); }
    Writer& octets(std::span<std::uint8_t const> values) {
        frame_.insert(frame_.end(), values.begin(), values.end());
        return *this;
    }
    Writer& ipv4(Address const& address) { return octets(std::span{address.octets()}.last(4)); }

    [[nodiscard]] Frame take() { return std::move(frame_); }

private:
    Frame frame_;
};

std::size_t l4_header_length(Packet const& packet) {
    return packet.protocol == Protocol::tcp ? tcp_length : udp_length;
}

void write_l4(Writer& out, Packet const& packet) {
    out.word(packet.source_port).word(packet.destination_port);
    if (packet.protocol == Protocol::tcp)
        out.dword(packet.sequence)
            .dword(packet.acknowledged)
            .octet(5 << 4)
            .octet(packet.flags)
            .word(packet.window)
            .dword(0);
    else
        out.word(static_cast<unsigned>(udp_length + packet.payload.size())).word(0);
    out.octets(packet.payload);
}

std::size_t ip_header_length(std::span<std::uint8_t const> frame) {
    return (frame[ethernet_length] & 0xfU) * 4;
}

std::uint16_t fold(std::uint32_t sum) {
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(sum);
}

/// The L4 packet of a well-formed frame.
std::span<std::uint8_t const> l4_of(std::span<std::uint8_t const> frame) {
    auto const header = ip_header_length(frame);
    return frame.subspan(ethernet_length + header, read_16(frame, ethernet_length + 2) - header);
}

std::uint16_t l4_sum(std::span<std::uint8_t const> frame) {
    auto const l4 = l4_of(frame);
    auto const protocol = frame[ethernet_length + 9];
    auto const pseudo =
        sum_octets(frame.subspan(ethernet_length + 12, 8), protocol + static_cast<std::uint32_t>(l4.size()));
    return fold(sum_octets(l4, pseudo));
}

std::size_t l4_checksum_offset(std::span<std::uint8_t const> frame) {
    auto const is_tcp = frame[ethernet_length + 9] == static_cast<std::uint8_t>(Protocol::tcp);
    return ethernet_length + ip_header_length(frame) + (is_tcp ? 16 : 6);
}

void fill_in_checksums(Frame& frame, Packet const& packet) {
    auto const header = std::span{frame}.subspan(ethernet_length, ipv4_length + packet.ip_options.size());
    write_16(header, 10, static_cast<std::uint16_t>(~fold(sum_octets(header))));
    if (packet.protocol == Protocol::udp && !packet.has_udp_checksum) return;
    auto checksum = static_cast<std::uint16_t>(~l4_sum(frame));
    if (packet.protocol == Protocol::udp && checksum == 0) checksum = 0xffff; // RFC 768
    write_16(frame, l4_checksum_offset(frame), checksum);
}

Address read_ipv4(std::span<std::uint8_t const> frame, std::size_t offset) {
    return Address::v4(read_32(frame, offset));
}

void read_l4(Packet& packet, std::span<std::uint8_t const> l4) {
    packet.source_port = read_16(l4, 0);
    packet.destination_port = read_16(l4, 2);
    if (packet.protocol == Protocol::tcp) {
        packet.sequence = read_32(l4, 4);
        packet.acknowledged = read_32(l4, 8);
        packet.flags = l4[13];
        packet.window = read_16(l4, 14);
    } else {
        packet.has_udp_checksum = read_16(l4, 6) != 0;
    }
    auto const payload = l4.subspan(l4_header_length(packet));
    packet.payload.assign(payload.begin(), payload.end());
}

bool is_ipv4_with_ports(std::span<std::uint8_t const> frame) {
    if (frame.size() < ethernet_length + ipv4_length || read_16(frame, 12) != ethertype_ipv4) return false;
    auto const length = read_16(frame, ethernet_length + 2);
    auto const protocol = frame[ethernet_length + 9];
    auto const l4 = protocol == static_cast<std::uint8_t>(Protocol::tcp)   ? tcp_length
                    : protocol == static_cast<std::uint8_t>(Protocol::udp) ? udp_length
                                                                           : frame.size();
    return ip_header_length(frame) >= ipv4_length && length >= ip_header_length(frame) + l4 &&
           ethernet_length + length <= frame.size();
}

std::string hex(std::span<std::uint8_t const> octets, char separator) {
    std::ostringstream out;
    out << std::hex << std::setfill('0');
    for (std::size_t i = 0; i < octets.size(); ++i) {
        if (i > 0) out << separator;
        out << std::setw(2) << unsigned{octets[i]};
    }
    return std::move(out).str();
}

} // namespace

std::uint16_t read_16(std::span<std::uint8_t const> octets, std::size_t offset) {
    return static_cast<std::uint16_t>(octets[offset] << 8 | octets[offset + 1]);
}

std::uint32_t read_32(std::span<std::uint8_t const> octets, std::size_t offset) {
    return static_cast<std::uint32_t>(read_16(octets, offset)) << 16 | read_16(octets, offset + 2);
}

void write_16(std::span<std::uint8_t> octets, std::size_t offset, std::uint32_t value) {
    octets[offset] = static_cast<std::uint8_t>(value >> 8);
    octets[offset + 1] = static_cast<std::uint8_t>(value);
}

std::uint32_t sum_octets(std::span<std::uint8_t const> octets, std::uint32_t sum) noexcept {
    for (std::size_t i = 0; i + 1 < octets.size(); i += 2)
        sum += read_16(octets, i);
    if (octets.size() % 2 != 0) sum += static_cast<std::uint32_t>(octets.back()) << 8;
    return sum;
}

Frame encode(Packet const& packet) {
    auto const header = ipv4_length + packet.ip_options.size();
    auto const total = header + l4_header_length(packet) + packet.payload.size();
    Writer out;
    out.octets(packet.to).octets(packet.from).word(ethertype_ipv4);
    out.octet(static_cast<unsigned>(4 << 4 | header / 4)).octet(0).word(static_cast<unsigned>(total));
    out.word(packet.identification).word(packet.fragment).octet(packet.ttl);
    out.octet(static_cast<unsigned>(packet.protocol)).word(0).ipv4(packet.source).ipv4(packet.destination);
    out.octets(packet.ip_options);
    write_l4(out, packet);
    auto frame = out.take();
    fill_in_checksums(frame, packet);
    return frame;
}

std::optional<Packet> decode(std::span<std::uint8_t const> frame) {
    if (!is_ipv4_with_ports(frame)) return std::nullopt;
    Packet packet;
    std::ranges::copy(frame.first(6), packet.to.begin());
    std::ranges::copy(frame.subspan(6, 6), packet.from.begin());
    packet.identification = read_16(frame, ethernet_length + 4);
    packet.fragment = read_16(frame, ethernet_length + 6);
    packet.ttl = frame[ethernet_length + 8];
    packet.protocol = static_cast<Protocol>(frame[ethernet_length + 9]);
    packet.source = read_ipv4(frame, ethernet_length + 12);
    packet.destination = read_ipv4(frame, ethernet_length + 16);
    auto const options = frame.subspan(ethernet_length + ipv4_length, ip_header_length(frame) - ipv4_length);
    packet.ip_options.assign(options.begin(), options.end());
    read_l4(packet, l4_of(frame));
    return packet;
}

bool has_valid_checksums(std::span<std::uint8_t const> frame) {
    if (!is_ipv4_with_ports(frame)) return false;
    if (fold(sum_octets(frame.subspan(ethernet_length, ip_header_length(frame)))) != 0xffff) return false;
    auto const is_udp = frame[ethernet_length + 9] == static_cast<std::uint8_t>(Protocol::udp);
    return (is_udp && read_16(frame, l4_checksum_offset(frame)) == 0) || l4_sum(frame) == 0xffff;
}

std::string describe(std::span<std::uint8_t const> frame) {
    std::ostringstream out;
    auto const packet = decode(frame);
    if (!packet) {
        out << frame.size() << " octets: " << hex(frame, ' ');
        return std::move(out).str();
    }
    out << hex(packet->from, ':') << " -> " << hex(packet->to, ':') << " | " << packet->source.text() << ':'
        << packet->source_port << " -> " << packet->destination.text() << ':' << packet->destination_port
        << (packet->protocol == Protocol::tcp ? " tcp" : " udp") << " ttl " << unsigned{packet->ttl} << " id "
        << packet->identification << " fragment " << packet->fragment << " options "
        << packet->ip_options.size() << " | flags " << unsigned{packet->flags} << " seq " << packet->sequence
        << " ack " << packet->acknowledged << " window " << packet->window << " | payload "
        << packet->payload.size() << " | checksums " << (has_valid_checksums(frame) ? "right" : "WRONG");
    return std::move(out).str();
}

Frame with_octet(Frame frame, std::size_t offset, std::uint8_t value) {
    frame.at(offset) = value;
    return frame;
}

} // namespace pointsman::test
