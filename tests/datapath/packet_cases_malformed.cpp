#include "tests/datapath/packet_cases.hpp"

/// Headers that contradict themselves or the frame's length.

namespace pointsman::test {
namespace {

constexpr std::size_t total_length = ethernet_length + 2;

Frame syn_frame() {
    return encode(client_packet(1234));
}

Frame with_total_length(Frame frame, std::size_t length) {
    write_16(frame, total_length, static_cast<std::uint32_t>(length));
    return frame;
}

Frame with_data_offset(Frame frame, unsigned words) {
    return with_octet(std::move(frame), ethernet_length + ipv4_length + 12,
                      static_cast<std::uint8_t>(words << 4));
}

PacketCases const cases = {
    {"ipv4_with_ihl_4", PM_DROP_MALFORMED,
     [](Scene&) { return with_octet(syn_frame(), ethernet_length, 0x44); }},
    {"ipv4_with_ihl_0", PM_DROP_MALFORMED,
     [](Scene&) { return with_octet(syn_frame(), ethernet_length, 0x40); }},
    {"ipv4_with_version_6", PM_DROP_MALFORMED,
     [](Scene&) { return with_octet(syn_frame(), ethernet_length, 0x65); }},
    {"ipv4_with_a_header_beyond_the_total_length", PM_DROP_MALFORMED,
     [](Scene&) { return with_octet(syn_frame(), ethernet_length, 0x4f); }},
    {"ipv4_with_a_total_length_below_the_header", PM_DROP_MALFORMED,
     [](Scene&) { return with_total_length(syn_frame(), 19); }},
    {"ipv4_with_a_total_length_beyond_the_frame", PM_DROP_MALFORMED,
     [](Scene&) { return with_total_length(syn_frame(), ipv4_length + tcp_length + 1); }},
    {"ipv4_with_a_total_length_of_zero", PM_DROP_MALFORMED,
     [](Scene&) { return with_total_length(syn_frame(), 0); }},
    {"tcp_of_19_octets", PM_DROP_MALFORMED,
     [](Scene&) { return with_total_length(syn_frame(), ipv4_length + tcp_length - 1); }},
    {"tcp_in_a_frame_that_ends_within_its_header", PM_DROP_MALFORMED,
     [](Scene&) {
         auto frame = with_total_length(syn_frame(), ipv4_length + 8);
         frame.resize(ethernet_length + ipv4_length + 8);
         return frame;
     }},
    {"tcp_with_doff_4", PM_DROP_MALFORMED, [](Scene&) { return with_data_offset(syn_frame(), 4); }},
    {"tcp_with_options_beyond_the_segment", PM_DROP_MALFORMED,
     [](Scene&) { return with_data_offset(syn_frame(), 6); }},
    {"udp_of_7_octets", PM_DROP_MALFORMED,
     [](Scene&) { return with_total_length(encode(client_datagram(1234)), ipv4_length + udp_length - 1); }},
    {"udp_without_ports", PM_DROP_MALFORMED,
     [](Scene&) {
         auto frame = with_total_length(encode(client_datagram(1234)), ipv4_length);
         frame.resize(ethernet_length + ipv4_length);
         return frame;
     }},
};

} // namespace

PacketCases malformed_cases() {
    return cases;
}

} // namespace pointsman::test
