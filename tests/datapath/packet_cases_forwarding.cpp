#include "tests/datapath/packet_cases.hpp"
#include "tests/datapath/second_chances.hpp"
#include "tests/datapath/way.hpp"

/// Packets that are rewritten and sent on. What leaves is compared octet by octet, checksums included.

namespace pointsman::test {
namespace {

/// On the flow that client port 1234 established before.
template<Packet (Flow::*Translation)(Packet) const>
Frame translated(Scene& scene, Packet const& sent) {
    auto const tcp = scene.world.service("web").protocol == Protocol::tcp;
    auto const session =
        scene.open(tcp ? client_packet(1234) : client_datagram(1234)); // a repeated first packet
    return encode((session.*Translation)(sent));
}

constexpr auto to_backend = translated<&Flow::at_backend>;
constexpr auto to_client = translated<&Flow::at_client>;

void use_udp(Scene& scene) {
    scene.world = web_world(Protocol::udp);
    scene.publish();
}

void all_backends_down(Scene& scene) {
    for (unsigned number = 1; number <= 3; ++number)
        scene.world.measure(number, MeasuredState::down);
    scene.publish();
}

Frame reset_answer(Scene&, Packet const& sent) {
    return encode(reset_for(sent));
}

Frame refused(Scene& scene, Packet const& packet) {
    all_backends_down(scene);
    return encode(packet);
}

Packet first_fragment(Packet packet) {
    packet.fragment = more_fragments;
    return packet;
}

PacketCases const cases = {
    {"a_packet_of_a_flow_goes_to_its_backend", PM_FORWARD_TO_BACKEND,
     [](Scene& scene) {
         return encode(scene.establish(client_packet(1234)).from_client(ack | psh, {'G', 'E', 'T'}));
     },
     to_backend},
    {"an_odd_number_of_octets_keeps_its_checksum_right", PM_FORWARD_TO_BACKEND,
     [](Scene& scene) {
         return encode(with_payload(scene.establish(client_packet(1234)).from_client(ack), 1459));
     },
     to_backend},
    {"ip_options_stay_with_the_packet", PM_FORWARD_TO_BACKEND,
     [](Scene& scene) {
         auto packet = scene.establish(client_packet(1234)).from_client(ack);
         packet.ip_options = {0x44, 12, 5, 0, 1, 2, 3, 4, 0, 0, 0, 0};
         return encode(packet);
     },
     to_backend},
    {"the_most_ip_options_stay_with_the_packet", PM_FORWARD_TO_BACKEND,
     [](Scene& scene) {
         auto packet = scene.establish(client_packet(1234)).from_client(ack);
         packet.ip_options.assign(40, 1);
         return encode(packet);
     },
     to_backend},
    {"a_reply_goes_to_the_clients_mac", PM_FORWARD_TO_CLIENT,
     [](Scene& scene) {
         return encode(scene.establish(client_packet(1234)).from_backend(ack, {'2', '0', '0'}));
     },
     to_client},
    {"a_datagram_goes_to_its_backend", PM_FORWARD_TO_BACKEND,
     [](Scene& scene) {
         use_udp(scene);
         return encode(scene.establish(client_datagram(1234)).from_client(0, {'a', 'b', 'c'}));
     },
     to_backend},
    {"a_datagram_comes_back", PM_FORWARD_TO_CLIENT,
     [](Scene& scene) {
         use_udp(scene);
         return encode(scene.establish(client_datagram(1234)).from_backend(0, {'a', 'b', 'c'}));
     },
     to_client},
    {"a_udp_checksum_of_zero_stays_zero", PM_FORWARD_TO_BACKEND,
     [](Scene& scene) {
         use_udp(scene);
         auto packet = scene.establish(client_datagram(1234)).from_client(0, {'a', 'b', 'c'});
         packet.has_udp_checksum = false;
         return encode(packet);
     },
     to_backend},
    {"the_first_fragment_of_a_new_flow_goes_to_its_backend", PM_FORWARD_TO_BACKEND,
     [](Scene&) { return encode(first_fragment(client_packet(1234))); }, to_backend},
    {"the_first_fragment_on_a_flow_goes_to_its_backend", PM_FORWARD_TO_BACKEND,
     [](Scene& scene) {
         return encode(first_fragment(scene.establish(client_packet(1234)).from_client(ack)));
     },
     to_backend},
    {"syn_without_a_backend_is_answered_by_rst", PM_FORWARD_RESET,
     [](Scene& scene) { return refused(scene, client_packet(1234)); }, reset_answer},
    {"syn_with_data_without_a_backend_is_answered_by_rst", PM_FORWARD_RESET,
     [](Scene& scene) { return refused(scene, with_payload(client_packet(1234), 11)); }, reset_answer},
    {"fin_without_ack_without_a_backend_is_answered_by_rst", PM_FORWARD_RESET,
     [](Scene& scene) { return refused(scene, client_packet(1234, fin)); }, reset_answer},
    {"ack_without_a_backend_is_answered_by_rst_with_its_sequence_number", PM_FORWARD_RESET,
     [](Scene& scene) { return refused(scene, with_payload(client_packet(1234, ack | psh), 700)); },
     reset_answer},
    {"ack_without_a_session_is_answered_by_rst", PM_FORWARD_RESET,
     [](Scene&) { return encode(with_payload(client_packet(1234, ack), 3)); }, reset_answer},
    {"ack_without_a_session_goes_to_a_backend_under_rehash", PM_FORWARD_TO_BACKEND,
     [](Scene& scene) {
         scene.world.service("web").on_down = OnDown::rehash;
         scene.publish();
         return encode(client_packet(1234, ack));
     },
     to_backend},
    {"refusal_becomes_the_clients_syn_for_another_backend",
     PM_FORWARD_SECOND_CHANCE,
     [](Scene& scene) { return encode(refusal_of(scene.open(client_packet(1234)))); },
     {},
     false,
     {},
     {},
     true}, // it is given up: nothing of the frame stays
    {"ip_options_are_not_in_the_rst", PM_FORWARD_RESET,
     [](Scene& scene) {
         auto packet = client_packet(1234);
         packet.ip_options = {1, 1, 1, 0};
         return refused(scene, packet);
     },
     reset_answer},
};

} // namespace

PacketCases forwarding_cases() {
    return cases;
}

} // namespace pointsman::test
