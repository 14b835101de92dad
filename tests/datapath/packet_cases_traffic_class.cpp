#include "tests/datapath/fragments.hpp"
#include "tests/datapath/packet_cases.hpp"
#include "tests/datapath/way.hpp"

/// DSCP and ECN: they stay with the packet, and the outer header of a tunnel has the same (RFC 6040, normal
/// mode), whatever the families of the two.

namespace pointsman::test {
namespace {

std::string text_of(std::uint8_t traffic_class) {
    constexpr char const* ecn[] = {"_not_ect", "_ect_1", "_ect_0", "_ce"};
    return "_of_dscp_" + std::to_string(traffic_class >> 2) + ecn[traffic_class & 3];
}

std::function<Frame(Scene&, Packet const&)> to_backend(Way const& way) {
    return [way](Scene& scene, Packet const& sent) { return towards_backend(scene, way, sent); };
}

PacketCase first_packet(Way const& way, std::uint8_t traffic_class) {
    return {name_of(way) + text_of(traffic_class) + "_keeps_it_on_the_way", PM_FORWARD_TO_BACKEND,
            [=](Scene& scene) {
                publish(scene, way);
                auto packet = packet_of(way);
                packet.traffic_class = traffic_class;
                return encode(packet);
            },
            to_backend(way)};
}

/// A later fragment has no L4 header, but a class of its own.
PacketCase later_fragment(Way const& way) {
    return {name_of(way) + "_a_later_fragments_own_class_is_in_front_of_it", PM_FORWARD_TO_BACKEND,
            [=](Scene& scene) {
                publish(scene, way);
                auto packet = with_payload(packet_of(way), 80);
                packet.fragment = 0;
                auto const fragments = fragments_of(packet, 40);
                if (!scene.send(fragments[0]).was_sent())
                    throw std::runtime_error{"a first fragment was not forwarded"};
                auto later = *decode(fragments[1]);
                later.traffic_class = 0x2b;
                return encode(later);
            },
            to_backend(way)};
}

PacketCase answer(Way const& way) {
    return {name_of(way) + "_answer_keeps_its_class", PM_FORWARD_TO_CLIENT,
            [way](Scene& scene) {
                publish(scene, way);
                establish(scene, way);
                auto packet = answer_of(scene, way);
                packet.traffic_class = 0xbb;
                return encode(packet);
            },
            [way](Scene& scene, Packet const& sent) { return encode(at_client(scene, way, sent)); }};
}

/// An answer of the balancer's own is no part of the flow's class.
PacketCase reset() {
    return {"a_reset_of_the_balancers_own_has_no_class", PM_FORWARD_RESET,
            [](Scene& scene) {
                publish(scene, {});
                auto packet = packet_of({}, ack);
                packet.traffic_class = 0xb9;
                return encode(packet);
            },
            [](Scene&, Packet const& sent) { return encode(reset_for(sent)); }};
}

} // namespace

PacketCases traffic_class_cases() {
    PacketCases cases{reset()};
    for (auto const& way : all_ways()) {
        for (auto const traffic_class : {0x01, 0x02, 0x03, 0xb8, 0xff})
            cases.push_back(first_packet(way, static_cast<std::uint8_t>(traffic_class)));
        if (way.protocol == Protocol::udp && !way.v6) cases.push_back(later_fragment(way));
        if (way.is_nat()) cases.push_back(answer(way));
    }
    return cases;
}

} // namespace pointsman::test
