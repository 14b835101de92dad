#include "tests/datapath/fragments.hpp"
#include "tests/datapath/packet_cases.hpp"
#include "tests/datapath/way.hpp"

/// Fragments: the first has the ports, the others follow it. One that comes before its first follows the last
/// fragmented packet of the same hosts, or goes ahead of it; the answers to a NAT address of the pool are of
/// many clients, and follow nobody else's.

namespace pointsman::test {
namespace {

constexpr std::size_t size = 40; ///< at least a TCP header
enum Part : std::size_t { first, middle, last };

std::vector<Frame> fragmented(Packet packet, std::uint16_t identification = 77) {
    packet = with_payload(std::move(packet), 2 * size + 3 + (packet.protocol == Protocol::tcp ? 0 : 12));
    packet.identification = identification;
    packet.fragment = 0;
    return fragments_of(packet, size);
}

Packet sent_by_client(Way const& way) {
    return packet_of(way, ack);
}

void send(Scene& scene, Frame const& frame) {
    if (!scene.send(frame).was_sent()) throw std::runtime_error{"a fragment was not forwarded"};
}

PacketCase to_backend(Way const& way, Part part, std::string const& what) {
    return {name_of(way) + what, PM_FORWARD_TO_BACKEND,
            [=](Scene& scene) {
                publish(scene, way);
                establish(scene, way);
                auto const fragments = fragmented(sent_by_client(way));
                if (part != first) send(scene, fragments[first]);
                return fragments[part];
            },
            [=](Scene& scene, Packet const&) {
                return in_tunnel(way, fragmented(at_backend(scene, way, sent_by_client(way)))[part]);
            }};
}

/// The first packet of a flow, in fragments.
PacketCase opens(Way const& way) {
    return {name_of(way) + "_first_fragment_of_a_new_flow_goes_to_its_backend", PM_FORWARD_TO_BACKEND,
            [=](Scene& scene) {
                publish(scene, way);
                return fragmented(packet_of(way))[first];
            },
            [=](Scene& scene, Packet const&) {
                return in_tunnel(way, fragmented(at_backend(scene, way, packet_of(way)))[first]);
            }};
}

PacketCase before_its_first(Way const& way) {
    return {name_of(way) + "_later_fragment_before_its_first_follows_the_packet_before",
            PM_FORWARD_TO_BACKEND,
            [=](Scene& scene) {
                publish(scene, way);
                establish(scene, way);
                send(scene, fragmented(sent_by_client(way), 76)[first]);
                return fragmented(sent_by_client(way))[last];
            },
            [=](Scene& scene, Packet const&) {
                return in_tunnel(way, fragmented(at_backend(scene, way, sent_by_client(way)))[last]);
            }};
}

/// Segments are not fragmented in their first packet, and so have a flow that is known: nothing is chosen for
/// them. Their retransmission meets before_its_first.
PacketCase before_any(Way const& way) {
    auto const udp = way.protocol == Protocol::udp;
    PacketCase row{name_of(way) + "_later_fragment_before_any_" +
                       (udp ? "goes_where_its_first_will" : "ends_here"),
                   udp ? PM_FORWARD_TO_BACKEND : PM_DROP_FRAGMENT_AHEAD, [=](Scene& scene) {
                       publish(scene, way);
                       if (!udp) establish(scene, way);
                       return fragmented(sent_by_client(way))[middle];
                   }};
    if (udp && !way.is_tunnel()) // which spreads flows by the ports that nobody knows yet
        row.leaves = [=](Scene& scene, Packet const&) {
            return fragmented(at_backend(scene, way, sent_by_client(way)))[middle];
        };
    return row;
}

/// The daemon takes one, and keeps it.
PacketCase before_any_with_a_daemon(Way const& way) {
    return {name_of(way) + "_later_fragment_before_any_is_held", PM_PASS_FRAGMENT_HELD, [=](Scene& scene) {
                publish(scene, way);
                MappedArray<pm_hold> const hold{scene.datapath.programs().map_fd("pm_hold"), 1};
                hold.all().front().granted = hold.all().front().taken + 1;
                return fragmented(sent_by_client(way))[middle];
            }};
}

PacketCase to_client(Way const& way, Part part, std::string const& what) {
    return {name_of(way) + "_answers" + what, PM_FORWARD_TO_CLIENT,
            [=](Scene& scene) {
                publish(scene, way);
                establish(scene, way);
                auto const fragments = fragmented(answer_of(scene, way));
                if (part != first) send(scene, fragments[first]);
                return fragments[part];
            },
            [=](Scene& scene, Packet const&) {
                return fragmented(at_client(scene, way, answer_of(scene, way)))[part];
            }};
}

PacketCase answer_before_its_first(Way const& way) {
    auto const may_follow = way.source == Source::client; // the NAT address is of one client
    PacketCase row{name_of(way) + "_answers_later_fragment_before_its_first_" +
                       (may_follow ? "follows_the_packet_before" : "passes"),
                   may_follow ? PM_FORWARD_TO_CLIENT : PM_PASS_FRAGMENT, [=](Scene& scene) {
                       publish(scene, way);
                       establish(scene, way);
                       send(scene, fragmented(answer_of(scene, way), 76)[first]);
                       return fragmented(answer_of(scene, way))[last];
                   }};
    if (may_follow)
        row.leaves = [=](Scene& scene, Packet const&) {
            return fragmented(at_client(scene, way, answer_of(scene, way)))[last];
        };
    return row;
}

PacketCase of_a_dead_backend(Way const& way) {
    return {name_of(way) + "_later_fragment_of_a_backend_that_is_down_ends_here", PM_DROP_BACKEND_DOWN,
            [=](Scene& scene) {
                publish(scene, way);
                establish(scene, way);
                auto const fragments = fragmented(sent_by_client(way));
                send(scene, fragments[first]);
                scene.world.measure(1, MeasuredState::down);
                scene.publish();
                return fragments[last];
            }};
}

PacketCase with_ttl_1(Way const& way) {
    return {name_of(way) + "_later_fragment_with_ttl_1_ends_here", PM_DROP_TTL, [=](Scene& scene) {
                publish(scene, way);
                establish(scene, way);
                send(scene, fragmented(sent_by_client(way))[first]);
                auto packet = sent_by_client(way);
                packet.ttl = 1;
                return fragmented(packet)[last];
            }};
}

/// The address has a service of UDP only.
PacketCase of_another_protocol(std::string const& name, Protocol protocol) {
    return {"a_later_fragment_of_" + name + "_follows_nobody", PM_PASS_FRAGMENT, [=](Scene& scene) {
                Way const way{Protocol::udp};
                publish(scene, way);
                establish(scene, way);
                send(scene, fragmented(sent_by_client(way))[first]);
                auto packet = sent_by_client(way);
                packet.protocol = protocol;
                return fragmented(packet)[last];
            }};
}

/// The per-fragment headers come before the fragment header, in each fragment.
PacketCase behind_an_extension() {
    Way const way{Protocol::udp, true};
    auto const extended = [](Packet packet) {
        packet.extensions = {{60, {0, 1, 4, 0, 0, 0, 0}}};
        return packet;
    };
    return {"ipv6_later_fragment_behind_an_extension_follows_its_first", PM_FORWARD_TO_BACKEND,
            [=](Scene& scene) {
                publish(scene, way);
                establish(scene, way);
                auto const fragments = fragmented(extended(sent_by_client(way)));
                send(scene, fragments[first]);
                return fragments[last];
            },
            [=](Scene& scene, Packet const&) {
                return fragmented(at_backend(scene, way, extended(sent_by_client(way))))[last];
            }};
}

} // namespace

PacketCases fragment_cases() {
    PacketCases cases{of_another_protocol("icmp", icmp), of_another_protocol("tcp", Protocol::tcp),
                      behind_an_extension()};
    for (auto const& way : all_ways()) {
        cases.push_back(opens(way));
        cases.push_back(to_backend(way, first, "_first_fragment_goes_to_its_backend"));
        cases.push_back(to_backend(way, middle, "_middle_fragment_follows_its_first"));
        cases.push_back(to_backend(way, last, "_last_fragment_follows_its_first"));
        cases.push_back(before_its_first(way));
        cases.push_back(before_any(way));
        if (way.forward == Forward::dsr)
            cases.push_back(before_any_with_a_daemon(way)); // held_fragments.cpp: all
        cases.push_back(of_a_dead_backend(way));
        cases.push_back(with_ttl_1(way));
        if (!way.is_nat()) continue;
        cases.push_back(to_client(way, first, "_first_fragment_goes_to_the_client"));
        cases.push_back(to_client(way, middle, "_middle_fragment_follows_its_first"));
        cases.push_back(to_client(way, last, "_last_fragment_follows_its_first"));
        cases.push_back(answer_before_its_first(way));
    }
    return cases;
}

} // namespace pointsman::test
