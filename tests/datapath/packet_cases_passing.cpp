#include "tests/datapath/packet_cases.hpp"

/// Packets that are none of our business: they go on to the host as they came.

namespace pointsman::test {
namespace {

Frame of_ethertype(std::uint16_t ethertype, std::size_t length = 60) {
    auto frame = encode(client_packet(1234));
    frame.resize(length);
    write_16(frame, 12, ethertype);
    return frame;
}

Frame with_fragment(Packet packet, std::uint16_t fragment) {
    packet.fragment = fragment;
    return encode(packet);
}

PacketCases const cases = {
    {"arp_passes", PM_PASS_NOT_IP, [](Scene&) { return of_ethertype(0x0806); }},
    {"a_vlan_tagged_frame_of_another_protocol_passes", PM_PASS_NOT_IP,
     [](Scene&) { return of_ethertype(0x8100); }},
    {"a_frame_of_nothing_but_an_ethernet_header_passes", PM_PASS_NOT_IP,
     [](Scene&) { return of_ethertype(0x0806, ethernet_length); }},
    {"another_icmp_message_to_the_service_passes", PM_PASS_NOT_OURS,
     [](Scene&) {
         auto packet = client_packet(1234);
         packet.protocol = icmp;
         packet.icmp_type = 13; // timestamp request
         return encode(packet);
     }},
    {"another_port_passes", PM_PASS_NOT_OURS,
     [](Scene&) {
         auto packet = client_packet(1234);
         packet.destination_port = 22;
         return encode(packet);
     }},
    {"another_address_passes", PM_PASS_NOT_OURS,
     [](Scene&) {
         auto packet = client_packet(1234);
         packet.destination = Address::v4(0xc0'00'02'0b);
         return encode(packet);
     }},
    {"the_same_port_of_another_protocol_passes", PM_PASS_NOT_OURS,
     [](Scene&) { return encode(client_datagram(1234)); }},
    {"ip_options_of_a_strangers_packet_pass", PM_PASS_NOT_OURS,
     [](Scene&) {
         auto packet = client_packet(1234);
         packet.destination_port = 22;
         packet.ip_options = {1, 1, 1, 0};
         return encode(packet);
     }},
    {"a_backends_packet_without_a_session_passes", PM_PASS_NOT_OURS,
     [](Scene& scene) {
         auto packet = scene.open(client_packet(1234)).from_backend(syn | ack);
         packet.destination_port ^= 1;
         return encode(packet);
     }},
    {"the_first_fragment_of_a_strangers_packet_passes", PM_PASS_NOT_OURS,
     [](Scene&) {
         auto packet = client_packet(1234);
         packet.destination_port = 22;
         return with_fragment(packet, more_fragments);
     }},
    {"a_middle_fragment_to_another_protocol_of_the_address_passes", PM_PASS_FRAGMENT,
     [](Scene&) { return with_fragment(client_datagram(1234), more_fragments | 185); }},
    {"a_last_fragment_to_the_hosts_own_address_passes", PM_PASS_FRAGMENT,
     [](Scene& scene) {
         scene.world.network.own.insert(web_address);
         scene.publish();
         return with_fragment(client_packet(1234), 185);
     }},
};

} // namespace

PacketCases passing_cases() {
    return cases;
}

} // namespace pointsman::test
