#include "tests/datapath/way.hpp"

#include "controller/datapath/abi.hpp"
#include "controller/model/names.hpp"
#include "tests/datapath/frame_layout.hpp"

#include <arpa/inet.h>

namespace pointsman::test {
namespace {

constexpr std::uint16_t client_port = 1234;
constexpr std::uint16_t gue_port = 6080;

std::uint64_t big_endian(std::span<std::uint8_t const> octets) {
    return std::uint64_t{read_32(octets, 0)} << 32 | read_32(octets, 4);
}

/// Of the flow of packet_of(way): tunnels spread flows by it.
std::uint64_t hash_of(Way const& way) {
    auto const packet = packet_of(way);
    auto const seed = small_options().hash_seed;
    std::uint64_t const key[2] = {big_endian(std::span{seed}.first(8)), big_endian(std::span{seed}.last(8))};
    pm_flow flow{};
    flow.source = to_abi(packet.source);
    flow.destination = to_abi(packet.destination);
    flow.source_port = htons(packet.source_port);
    flow.destination_port = htons(packet.destination_port);
    flow.protocol = static_cast<std::uint8_t>(packet.protocol);
    return pm_flow_hash(&flow, reinterpret_cast<__u64 const*>(key));
}

/// GUE has a header between: version 0, no flags, the protocol number (draft-ietf-intarea-gue).
Octets payload_of_tunnel(Way const& way, std::span<std::uint8_t const> packet) {
    Writer out;
    if (way.forward == Forward::gue)
        out.octet(0).octet(static_cast<unsigned>(way.v6 ? ipv6_in_ip : ipv4_in_ip)).word(0);
    return out.octets(packet).take();
}

/// The tunnel's packet with nothing in it.
Packet outer_packet(Way const& way) {
    auto const hash = hash_of(way);
    Packet outer;
    outer.to = backend_mac(1);
    outer.from = backend_side_mac;
    outer.source = way.backend_is_v6() ? nat_address_v6 : nat_address;
    outer.destination = backend_address(1, way.backend_is_v6());
    if (way.backend_is_v6()) outer.flow_label = static_cast<std::uint32_t>(hash >> 32 & 0xfffff);
    outer.protocol = way.v6 ? ipv6_in_ip : ipv4_in_ip;
    if (way.forward == Forward::ipip) return outer;
    outer.protocol = Protocol::udp;
    outer.source_port = static_cast<std::uint16_t>(0xc000 | (hash & 0x3fff));
    outer.destination_port = gue_port;
    outer.has_udp_checksum = false;
    return outer;
}

} // namespace

std::string name_of(Way const& way) {
    auto name = std::string{name_of(way.protocol)} + (way.v6 ? "_v6_" : "_v4_");
    name += name_of(way.forward);
    if (way.source == Source::client) name += "_source_client";
    if (way.is_tunnel()) name += way.backend_is_v6() ? "_in_v6" : "_in_v4";
    return name;
}

std::vector<Way> all_ways() {
    std::vector<Way> ways;
    for (auto const protocol : {Protocol::tcp, Protocol::udp})
        for (auto const v6 : {false, true}) {
            ways.push_back({protocol, v6});
            ways.push_back({protocol, v6, Forward::nat, Source::client});
            ways.push_back({protocol, v6, Forward::dsr});
            for (auto const forward : {Forward::ipip, Forward::gue})
                for (auto const other_family : {false, true})
                    ways.push_back({protocol, v6, forward, Source::pool, other_family});
        }
    return ways;
}

World world_of(Way const& way, std::uint32_t mtu) {
    auto world = web_world(way.protocol, 0);
    auto& service = world.service("web");
    service.address = way.v6 ? web_address_v6 : web_address;
    service.forward = way.forward;
    service.source = way.source;
    service.gue_port = gue_port;
    world.add_backend(service, 1, way.backend_is_v6());
    if (!way.is_nat()) service.backends.front().port = web_port;
    for (auto& [address, route] : world.network.routes)
        route.next_hop->mtu = mtu;
    return world;
}

void publish(Scene& scene, Way const& way, std::uint32_t mtu) {
    scene.world = world_of(way, mtu);
    scene.publish();
}

Packet packet_of(Way const& way, std::uint8_t flags) {
    auto packet =
        way.protocol == Protocol::tcp ? client_packet(client_port, flags) : client_datagram(client_port);
    if (!way.v6) return packet;
    packet.source = client_address_v6;
    packet.destination = web_address_v6;
    packet.identification = 0;
    packet.flow_label = 0xabcde;
    return packet;
}

Packet with_payload(Packet packet, std::size_t length) {
    packet.payload.clear();
    for (std::size_t i = 0; i < length; ++i)
        packet.payload.push_back(static_cast<std::uint8_t>(i * 31 + i / 256));
    return packet;
}

Packet with_tags(Packet packet, std::size_t tags) {
    if (tags > 1) packet.tags.push_back({0x88a8, 0x6064});
    if (tags > 0) packet.tags.push_back({0x8100, 0x2ff});
    return packet;
}

Packet reset_for(Packet const& sent) {
    Packet answer;
    answer.to = sent.from;
    answer.from = sent.to;
    answer.tags = sent.tags;
    answer.source = sent.destination;
    answer.destination = sent.source;
    answer.source_port = sent.destination_port;
    answer.destination_port = sent.source_port;
    if (sent.flags & ack) {
        answer.flags = rst;
        answer.sequence = sent.acknowledged;
    } else {
        answer.flags = rst | ack;
        answer.acknowledged = sent.sequence + static_cast<std::uint32_t>(sent.payload.size()) +
                              ((sent.flags & syn) ? 1 : 0) + ((sent.flags & fin) ? 1 : 0);
    }
    return answer;
}

void establish(Scene& scene, Way const& way, std::vector<VlanTag> const& tags) {
    auto first = packet_of(way);
    first.tags = tags;
    if (way.is_nat()) {
        (void)scene.establish(first);
        return;
    }
    auto second = packet_of(way, ack);
    second.tags = tags;
    if (!scene.send(first).was_sent() || !scene.send(second).was_sent())
        throw std::runtime_error{"a flow was not forwarded: " + name_of(way)};
}

Packet answer_of(Scene& scene, Way const& way, Octets payload) {
    auto answer = scene.open(packet_of(way)).from_backend(ack, std::move(payload));
    answer.flow_label = way.v6 ? 0x12345 : 0;
    return answer;
}

Packet at_backend(Scene& scene, Way const& way, Packet sent) {
    if (way.is_nat()) return scene.open(packet_of(way)).at_backend(std::move(sent));
    sent.to = backend_mac(1);
    sent.from = backend_side_mac;
    --sent.ttl;
    return sent;
}

Packet at_client(Scene& scene, Way const& way, Packet sent) {
    return scene.open(packet_of(way)).at_client(std::move(sent));
}

Frame in_tunnel(Way const& way, Frame const& inner) {
    if (!way.is_tunnel()) return inner;
    auto const layout = layout_of(inner);
    if (!layout) throw std::runtime_error{"no IP packet for the tunnel"};
    auto outer = outer_packet(way);
    auto const carried = decode(inner);
    outer.tags = carried->tags;
    outer.traffic_class = carried->traffic_class;
    auto const octets = std::span{inner};
    auto const packet = octets.subspan(layout->l3, layout->end - layout->l3);
    outer.payload = payload_of_tunnel(way, packet);
    auto const frame = encode(outer);
    Writer out; // the frame's padding stays behind the packet
    return out.octets(frame).octets(octets.subspan(layout->end)).take();
}

Frame towards_backend(Scene& scene, Way const& way, Packet const& sent) {
    return in_tunnel(way, encode(at_backend(scene, way, sent)));
}

} // namespace pointsman::test
