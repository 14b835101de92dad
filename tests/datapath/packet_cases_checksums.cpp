#include "tests/datapath/frame_layout.hpp"
#include "tests/datapath/packet_cases.hpp"
#include "tests/datapath/way.hpp"

/// L4 checksums of NAT at the edges of one's complement arithmetic. A UDP checksum of zero means that there
/// is none and stays; one that comes out as zero is sent as 0xffff (RFC 768). TCP knows no such thing.

namespace pointsman::test {
namespace {

using Translate = Packet (*)(Scene&, Way const&, Packet);

/// With a payload for which the translated packet's checksum is computed as zero.
Packet with_checksum_of_zero(Scene& scene, Way const& way, Packet packet, Translate translate) {
    packet.payload = {0, 0, 'x'};
    auto const frame = encode(translate(scene, way, packet));
    write_16(packet.payload, 0, read_16(frame, layout_of(frame)->l4_checksum()));
    return packet;
}

PacketCase computed_zero(Way const& way) {
    return {name_of(way) + "_with_a_computed_checksum_of_zero_goes_to_its_backend", PM_FORWARD_TO_BACKEND,
            [way](Scene& scene) {
                publish(scene, way);
                establish(scene, way);
                return encode(with_checksum_of_zero(scene, way, packet_of(way, ack), at_backend));
            },
            [way](Scene& scene, Packet const& sent) { return towards_backend(scene, way, sent); }};
}

PacketCase computed_zero_of_answer(Way const& way) {
    return {name_of(way) + "_answer_with_a_computed_checksum_of_zero_goes_to_the_client",
            PM_FORWARD_TO_CLIENT,
            [way](Scene& scene) {
                publish(scene, way);
                establish(scene, way);
                return encode(with_checksum_of_zero(scene, way, answer_of(scene, way), at_client));
            },
            [way](Scene& scene, Packet const& sent) { return encode(at_client(scene, way, sent)); }};
}

PacketCase without_checksum(Way const& way) {
    return {name_of(way) + "_without_a_checksum_stays_so", PM_FORWARD_TO_BACKEND,
            [way](Scene& scene) {
                publish(scene, way);
                auto packet = packet_of(way);
                packet.has_udp_checksum = false;
                return encode(packet);
            },
            [way](Scene& scene, Packet const& sent) { return towards_backend(scene, way, sent); }};
}

PacketCase answer_without_checksum(Way const& way) {
    return {name_of(way) + "_answer_without_a_checksum_stays_so", PM_FORWARD_TO_CLIENT,
            [way](Scene& scene) {
                publish(scene, way);
                establish(scene, way);
                auto answer = answer_of(scene, way);
                answer.has_udp_checksum = false;
                return encode(answer);
            },
            [way](Scene& scene, Packet const& sent) { return encode(at_client(scene, way, sent)); }};
}

} // namespace

PacketCases checksum_cases() {
    PacketCases cases;
    for (auto const& way : all_ways()) {
        if (way.protocol == Protocol::udp) cases.push_back(without_checksum(way));
        if (!way.is_nat()) continue;
        cases.push_back(computed_zero(way));
        cases.push_back(computed_zero_of_answer(way));
        if (way.protocol == Protocol::udp) cases.push_back(answer_without_checksum(way));
    }
    return cases;
}

} // namespace pointsman::test
