#include "tests/datapath/frame_layout.hpp"

#include <algorithm>
#include <array>

namespace pointsman::test {
namespace {

constexpr std::array<std::uint8_t, 5> extension_types{0, 43, fragment_header, 51, 60};

std::size_t extension_length(std::uint8_t type, std::uint8_t length_octet) {
    if (type == fragment_header) return 8;
    return type == 51 ? (length_octet + 2U) * 4 : (length_octet + 1U) * 8; // AH counts in other units
}

bool locate_v4(std::span<std::uint8_t const> frame, Layout& layout) {
    auto const ip = frame.subspan(layout.l3);
    if (ip.size() < ipv4_length) return false;
    auto const header = (ip[0] & 0xfU) * 4;
    auto const fragment = read_16(ip, 6);
    layout.l4 = layout.l3 + header;
    layout.end = layout.l3 + read_16(ip, 2);
    layout.protocol = Protocol{ip[9]};
    layout.fragment = (fragment & 0x3fff) != 0;
    layout.headless = (fragment & 0x1fff) != 0;
    return header >= ipv4_length;
}

bool locate_v6(std::span<std::uint8_t const> frame, Layout& layout) {
    if (frame.size() < layout.l3 + ipv6_length) return false;
    layout.v6 = true;
    layout.l4 = layout.l3 + ipv6_length;
    layout.end = layout.l4 + read_16(frame, layout.l3 + 4);
    auto next = frame[layout.l3 + 6];
    while (!layout.headless && std::ranges::find(extension_types, next) != extension_types.end()) {
        if (layout.l4 + 8 > frame.size()) return false;
        auto const type = next;
        if (type == fragment_header) {
            layout.fragment = (read_16(frame, layout.l4 + 2) & 0xfff9) != 0;
            layout.headless = (read_16(frame, layout.l4 + 2) & 0xfff8) != 0;
        }
        next = frame[layout.l4];
        layout.l4 += extension_length(type, frame[layout.l4 + 1]);
    }
    layout.protocol = Protocol{next};
    return true;
}

} // namespace

std::size_t Layout::l4_header() const noexcept {
    if (headless) return 0;
    switch (static_cast<unsigned>(protocol)) {
    case 6: return tcp_length;
    case 17: return udp_length;
    case 1:
    case 58: return icmp_length;
    default: return 0;
    }
}

std::size_t Layout::l4_checksum() const noexcept {
    switch (l4_header()) {
    case 0: return 0;
    case tcp_length: return l4 + 16;
    default: return protocol == Protocol::udp ? l4 + 6 : l4 + 2;
    }
}

std::optional<Layout> layout_of(std::span<std::uint8_t const> frame) {
    if (frame.size() < ethernet_length) return std::nullopt;
    Layout layout;
    layout.l3 = ethernet_length;
    auto type = read_16(frame, 12);
    while ((type == 0x8100 || type == 0x88a8) && frame.size() >= layout.l3 + 4) {
        type = read_16(frame, layout.l3 + 2);
        layout.l3 += 4;
        ++layout.tags;
    }
    auto const is_ip = (type == ethertype_ipv4 && locate_v4(frame, layout)) ||
                       (type == ethertype_ipv6 && locate_v6(frame, layout));
    if (!is_ip || layout.end > frame.size() || layout.l4 + layout.l4_header() > layout.end)
        return std::nullopt;
    return layout;
}

std::uint16_t l4_sum(std::span<std::uint8_t const> frame, Layout const& layout) {
    auto const l4 = frame.subspan(layout.l4, layout.end - layout.l4);
    auto const addresses = layout.v6 ? frame.subspan(layout.l3 + 8, 32) : frame.subspan(layout.l3 + 12, 8);
    auto const pseudo = sum_octets(addresses, static_cast<std::uint32_t>(layout.protocol) +
                                                  static_cast<std::uint32_t>(l4.size()));
    return fold_sum(sum_octets(l4, layout.protocol == icmp ? 0 : pseudo)); // RFC 792: no pseudo-header
}

} // namespace pointsman::test
