#include "tests/datapath/fragments.hpp"

#include "tests/datapath/frame_layout.hpp"

#include <algorithm>

namespace pointsman::test {
namespace {

struct Piece {
    std::size_t offset;
    bool is_last;
    std::span<std::uint8_t const> octets;
};

Frame fragment_v4(std::span<std::uint8_t const> whole, Layout const& layout, Piece const& piece) {
    Writer out;
    auto frame = out.octets(whole.first(layout.l4)).octets(piece.octets).take();
    auto const ip = std::span{frame}.subspan(layout.l3);
    auto const header = ip.first(layout.l4 - layout.l3);
    write_16(ip, 2, static_cast<std::uint32_t>(ip.size()));
    write_16(ip, 6,
             static_cast<std::uint32_t>(piece.offset / 8) | (piece.is_last ? 0U : unsigned{more_fragments}));
    write_16(ip, 10, 0);
    write_16(ip, 10, static_cast<std::uint16_t>(~fold_sum(sum_octets(header))));
    return frame;
}

Frame fragment_v6(Packet const& packet, std::span<std::uint8_t const> whole, Layout const& layout,
                  Piece const& piece) {
    Writer out;
    out.octets(whole.first(layout.l4));
    out.octet(static_cast<unsigned>(packet.protocol)).octet(0).word(piece.offset | (piece.is_last ? 0U : 1U));
    auto frame = out.dword(packet.identification).octets(piece.octets).take();
    write_16(frame, layout.l3 + 4, static_cast<std::uint32_t>(frame.size() - layout.l3 - ipv6_length));
    auto const extended = !packet.extensions.empty();
    auto const last_extension = extended ? layout.l4 - packet.extensions.back().body.size() - 1 : 0;
    frame[extended ? last_extension : layout.l3 + 6] = fragment_header;
    return frame;
}

} // namespace

std::vector<Frame> fragments_of(Packet const& packet, std::size_t size) {
    auto const whole = encode(packet);
    auto const layout = *layout_of(whole);
    auto const payload = std::span{whole}.subspan(layout.l4);
    std::vector<Frame> fragments;
    for (std::size_t offset = 0; offset < payload.size(); offset += size) {
        auto const length = std::min(size, payload.size() - offset);
        Piece const piece{offset, offset + length == payload.size(), payload.subspan(offset, length)};
        fragments.push_back(layout.v6 ? fragment_v6(packet, whole, layout, piece)
                                      : fragment_v4(whole, layout, piece));
    }
    return fragments;
}

} // namespace pointsman::test
