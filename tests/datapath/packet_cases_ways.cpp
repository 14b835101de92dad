#include "tests/datapath/packet_cases.hpp"
#include "tests/datapath/way.hpp"

/// Every way of forwarding, over every family and protocol: the first packet of a flow, later ones, and with
/// NAT the answers. What leaves is compared octet by octet, tunnels and checksums included.

namespace pointsman::test {
namespace {

std::function<Frame(Scene&, Packet const&)> to_backend(Way const& way) {
    return [way](Scene& scene, Packet const& sent) { return towards_backend(scene, way, sent); };
}

PacketCase first_packet(Way const& way) {
    return {name_of(way) + "_first_packet_goes_to_its_backend", PM_FORWARD_TO_BACKEND,
            [way](Scene& scene) {
                publish(scene, way);
                return encode(packet_of(way));
            },
            to_backend(way)};
}

PacketCase later_packet(Way const& way) {
    return {name_of(way) + "_later_packet_follows_it", PM_FORWARD_TO_BACKEND,
            [way](Scene& scene) {
                publish(scene, way);
                establish(scene, way);
                return encode(with_payload(packet_of(way, ack | psh), 1001));
            },
            to_backend(way)};
}

/// Nothing shorter can come: 8 octets behind the IP header.
PacketCase shortest_packet(Way const& way) {
    return {name_of(way) + "_a_datagram_of_nothing_goes_to_its_backend", PM_FORWARD_TO_BACKEND,
            [way](Scene& scene) {
                publish(scene, way);
                return encode(with_payload(packet_of(way), 0));
            },
            to_backend(way)};
}

PacketCase answer(Way const& way) {
    return {name_of(way) + "_answer_goes_to_the_client", PM_FORWARD_TO_CLIENT,
            [way](Scene& scene) {
                publish(scene, way);
                establish(scene, way);
                return encode(answer_of(scene, way));
            },
            [way](Scene& scene, Packet const& sent) { return encode(at_client(scene, way, sent)); }};
}

/// A port range of which each port goes to the same port of the backend.
PacketCase port_of_a_range(Way const& way) {
    return {name_of(way) + "_keeps_the_port_of_a_range", PM_FORWARD_TO_BACKEND,
            [way](Scene& scene) {
                scene.world = world_of(way);
                scene.world.service("web").port_last = web_port + 9;
                scene.world.service("web").backends.front().port = 0;
                scene.publish();
                auto packet = packet_of(way);
                packet.destination_port = web_port + 7;
                return encode(packet);
            },
            [way](Scene& scene, Packet const& sent) {
                auto expected = scene.open(sent).at_backend(sent);
                expected.destination_port = web_port + 7;
                expected.destination = backend_address(1, way.v6);
                expected.source = way.source == Source::client ? sent.source
                                  : way.v6                     ? nat_address_v6
                                                               : nat_address;
                if (way.source == Source::client) expected.source_port = sent.source_port;
                return encode(expected);
            }};
}

} // namespace

PacketCases way_cases() {
    PacketCases cases;
    for (auto const& way : all_ways()) {
        cases.push_back(first_packet(way));
        cases.push_back(later_packet(way));
        if (way.protocol == Protocol::udp) cases.push_back(shortest_packet(way));
        if (!way.is_nat()) continue;
        cases.push_back(answer(way));
        cases.push_back(port_of_a_range(way));
    }
    return cases;
}

} // namespace pointsman::test
