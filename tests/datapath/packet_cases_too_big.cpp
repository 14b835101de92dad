#include "tests/datapath/fragments.hpp"
#include "tests/datapath/icmp.hpp"
#include "tests/datapath/packet_cases.hpp"

/// Packets that are longer than the way to their backend takes, tunnel included: their senders learn how long
/// one may be.

namespace pointsman::test {
namespace {

constexpr std::uint32_t mtu = 1400;
constexpr std::uint32_t v6_minimum = 1280; ///< no sender of IPv6 goes below (RFC 8200 section 5)

std::uint32_t tunnel_length(Way const& way) {
    if (!way.is_tunnel()) return 0;
    return (way.backend_is_v6() ? 40U : 20U) + (way.forward == Forward::gue ? 12U : 0U);
}

/// With this many octets of IP packet.
Packet of_length(Packet packet, std::size_t length) {
    auto const headers = encode(with_payload(packet, 0)).size() - ethernet_length - 4 * packet.tags.size();
    return with_payload(std::move(packet), length - headers);
}

PacketCase fits(Way const& way) {
    return {name_of(way) + "_that_just_fits_goes_to_its_backend", PM_FORWARD_TO_BACKEND,
            [=](Scene& scene) {
                publish(scene, way, mtu);
                establish(scene, way);
                return encode(of_length(packet_of(way, ack), mtu - tunnel_length(way)));
            },
            [=](Scene& scene, Packet const& sent) { return towards_backend(scene, way, sent); }};
}

PacketCase too_big(Way const& way, std::uint32_t its_mtu, std::uint32_t told, std::string const& what,
                   std::function<Packet(Packet)> change = {}) {
    return {name_of(way) + "_of_an_octet_too_many_" + what, PM_FORWARD_TOO_BIG,
            [=](Scene& scene) {
                publish(scene, way, its_mtu);
                establish(scene, way);
                auto const packet = change ? change(packet_of(way, ack)) : packet_of(way, ack);
                return encode(of_length(packet, its_mtu - tunnel_length(way) + 1));
            },
            [=](Scene&, Packet const& sent) { return encode(too_big_for(sent, told)); }};
}

PacketCases for_way(Way const& way) {
    PacketCases cases{
        fits(way),
        too_big(way, mtu, mtu - tunnel_length(way), "is_answered"),
        too_big(way, mtu, mtu - tunnel_length(way), "with_two_tags_is_answered",
                [](Packet packet) { return with_tags(std::move(packet), 2); }),
    };
    if (way.v6)
        cases.push_back(too_big(way, v6_minimum, v6_minimum, "for_the_least_mtu_is_told_the_least_of_v6"));
    return cases;
}

PacketCase with_ip_options() {
    return too_big({}, mtu, mtu, "with_ip_options_is_answered", [](Packet packet) {
        packet.ip_options.assign(40, 1);
        return packet;
    });
}

PacketCase with_extensions() {
    return too_big({Protocol::udp, true}, mtu, mtu, "with_extension_headers_is_answered", [](Packet packet) {
        packet.extensions = {{60, {0, 1, 4, 0, 0, 0, 0}}};
        return packet;
    });
}

/// The first packet of a flow: its session is there when the sender tries again.
PacketCase new_flow() {
    Way const way{Protocol::udp, false, Forward::ipip};
    return {"a_new_flow_of_an_octet_too_many_is_answered", PM_FORWARD_TOO_BIG,
            [=](Scene& scene) {
                publish(scene, way, mtu);
                return encode(of_length(packet_of(way), mtu - 19));
            },
            [](Scene&, Packet const& sent) { return encode(too_big_for(sent, mtu - 20)); }};
}

/// Nobody could tell which packet it was of.
PacketCase later_fragment() {
    Way const way{Protocol::udp, false, Forward::ipip};
    return {"a_later_fragment_of_an_octet_too_many_ends_here", PM_DROP_TOO_BIG, [=](Scene& scene) {
                publish(scene, way, 100);
                establish(scene, way);
                auto packet = with_payload(packet_of(way), 3 * 40);
                packet.fragment = 0;
                if (!scene.send(fragments_of(packet, 40)[0]).was_sent())
                    throw std::runtime_error{"a first fragment was not forwarded"};
                return fragments_of(packet, 64)[1];
            }};
}

/// A frame of several segments goes by their length, not by its own.
PacketCase segments(std::string const& what, Way const& way, Octets const& tcp_options,
                    std::uint32_t gso_size, bool fit) {
    PacketCase row{name_of(way) + "_segments_" + what, fit ? PM_FORWARD_TO_BACKEND : PM_FORWARD_TOO_BIG,
                   [=](Scene& scene) {
                       publish(scene, way, mtu);
                       establish(scene, way);
                       auto packet = packet_of(way, ack);
                       packet.tcp_options = tcp_options;
                       return encode(with_payload(packet, 2 * gso_size));
                   }};
    if (fit)
        row.leaves = [=](Scene& scene, Packet const& sent) { return towards_backend(scene, way, sent); };
    else
        row.leaves = [](Scene&, Packet const& sent) { return encode(too_big_for(sent, mtu)); };
    row.only = Hook::tc;
    row.arrival.gso_size = gso_size;
    return row;
}

/// The kernel takes segments of TCP and UDP into a tunnel, and no others: a test run does not say of which
/// kind they are.
PacketCase segments_of_an_unknown_kind(Way const& way) {
    PacketCase row{name_of(way) + "_segments_of_an_unknown_kind_find_no_tunnel", PM_DROP_REWRITE_FAILED,
                   [=](Scene& scene) {
                       publish(scene, way, mtu);
                       establish(scene, way);
                       return encode(with_payload(packet_of(way, ack), 1000));
                   }};
    row.only = Hook::tc;
    row.arrival.gso_size = 500;
    return row;
}

PacketCases of_segments() {
    Octets const timestamps{1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2};
    Way const udp{Protocol::udp};
    Way const tcp_v6{Protocol::tcp, true};
    return {
        segments("that_fit_go_to_their_backend", {}, {}, mtu - 40, true),
        segments("of_an_octet_too_many_are_answered", {}, {}, mtu - 39, false),
        segments("with_tcp_options_that_fit_go_to_their_backend", {}, timestamps, mtu - 52, true),
        segments("with_tcp_options_of_an_octet_too_many_are_answered", {}, timestamps, mtu - 51, false),
        segments("that_fit_go_to_their_backend", udp, {}, mtu - 28, true),
        segments("of_an_octet_too_many_are_answered", udp, {}, mtu - 27, false),
        segments("that_fit_go_to_their_backend", tcp_v6, {}, mtu - 60, true),
        segments("of_an_octet_too_many_are_answered", tcp_v6, {}, mtu - 59, false),
        segments_of_an_unknown_kind({Protocol::tcp, false, Forward::ipip}),
    };
}

} // namespace

PacketCases too_big_cases() {
    PacketCases cases{with_ip_options(), with_extensions(), new_flow(), later_fragment()};
    for (auto const& way : all_ways()) {
        auto const more = for_way(way);
        cases.insert(cases.end(), more.begin(), more.end());
    }
    auto const more = of_segments();
    cases.insert(cases.end(), more.begin(), more.end());
    return cases;
}

} // namespace pointsman::test
