#include "tests/datapath/packet_cases.hpp"
#include "tests/datapath/way.hpp"

/// IPv6 extension headers, which stay with the packet, and those at which a load balancer has to give up.

namespace pointsman::test {
namespace {

enum ExtensionType : std::uint8_t {
    hop_by_hop = 0,
    routing = 43,
    authentication = 51,
    destination_options = 60,
    encryption = 50,
    no_next = 59
};

constexpr Way v6{Protocol::tcp, true};

/// Of `units` times 8 octets, filled up by PadN (RFC 8200 section 4.2).
Extension options(ExtensionType type, std::size_t units = 1) {
    Writer body;
    body.octet(units - 1);
    for (auto left = units * 8 - 2; left > 0;) {
        auto const length = std::min<std::size_t>(left, 250);
        if (length == 1) {
            body.octet(0);
            break;
        }
        body.octet(1).octet(length - 2).octets(Octets(length - 2));
        left -= length;
    }
    return {type, body.take()};
}

/// Type 4 (segment routing), without segments of its own.
Extension route(unsigned segments_left) {
    return {routing, Writer{}.octet(0).octet(4).octet(segments_left).dword(0).take()};
}

/// 24 octets: a check value of 12.
Extension authenticated() {
    return {authentication, Writer{}.octet(4).word(0).dword(7).dword(1).octets(Octets(12, 0xaa)).take()};
}

Packet with_extensions(std::vector<Extension> extensions) {
    auto packet = packet_of(v6);
    packet.extensions = std::move(extensions);
    return packet;
}

Frame to_backend(Scene& scene, Packet const& sent) {
    return towards_backend(scene, v6, sent);
}

PacketCase forwarded(std::string const& what, std::vector<Extension> const& extensions) {
    return {"ipv6_" + what + "_stays_with_the_packet", PM_FORWARD_TO_BACKEND,
            [extensions](Scene& scene) {
                publish(scene, v6);
                return encode(with_extensions(extensions));
            },
            to_backend};
}

/// A whole packet with a fragment header (RFC 6946).
Extension atomic_fragment() {
    return {44, Writer{}.octet(0).word(0).dword(0x01020304).take()};
}

PacketCase not_forwarded(std::string const& what, std::uint32_t verdict,
                         std::vector<Extension> const& extensions) {
    return {"ipv6_" + what, verdict, [extensions](Scene& scene) {
                publish(scene, v6);
                return encode(with_extensions(extensions));
            }};
}

/// An IPv6 packet of the service that ends `length` octets behind the fixed header.
PacketCase truncated(std::string const& what, std::vector<Extension> const& extensions, std::size_t length) {
    return {"ipv6_" + what + "_is_malformed", PM_DROP_MALFORMED, [=](Scene& scene) {
                publish(scene, v6);
                auto frame = encode(with_extensions(extensions));
                write_16(frame, ethernet_length + 4, static_cast<std::uint32_t>(length));
                frame.resize(ethernet_length + ipv6_length + length);
                return frame;
            }};
}

PacketCase answered() {
    return {"ipv6_extension_headers_of_an_answer_stay", PM_FORWARD_TO_CLIENT,
            [](Scene& scene) {
                publish(scene, v6);
                establish(scene, v6);
                auto answer = answer_of(scene, v6);
                answer.extensions = {options(destination_options, 2)};
                return encode(answer);
            },
            [](Scene& scene, Packet const& sent) { return encode(at_client(scene, v6, sent)); }};
}

PacketCase reset_without_them() {
    return {"ipv6_extension_headers_are_not_in_the_rst", PM_FORWARD_RESET,
            [](Scene& scene) {
                publish(scene, v6);
                auto packet = packet_of(v6, ack);
                packet.extensions = {options(hop_by_hop), options(destination_options, 2)};
                packet.payload = {'x'};
                return encode(packet);
            },
            [](Scene&, Packet const& sent) { return encode(reset_for(sent)); }};
}

std::vector<Extension> many(std::size_t count) {
    return std::vector<Extension>(count, options(destination_options));
}

} // namespace

PacketCases header_cases() {
    return {
        forwarded("hop_by_hop_options", {options(hop_by_hop)}),
        forwarded("destination_options", {options(destination_options)}),
        forwarded("routing_with_no_segments_left", {route(0)}),
        forwarded("authentication", {authenticated()}),
        forwarded("each_kind_of_extension",
                  {options(hop_by_hop), route(0), authenticated(), options(destination_options)}),
        forwarded("an_atomic_fragments_header", {options(destination_options), atomic_fragment()}),
        forwarded("the_most_extension_headers", many(6)),
        forwarded("the_longest_extension_headers", {options(hop_by_hop, 8), options(destination_options, 8)}),
        not_forwarded("routing_with_segments_left_passes", PM_PASS_HEADERS, {route(1)}),
        not_forwarded("too_many_extension_headers_pass", PM_PASS_HEADERS, many(7)),
        not_forwarded("too_long_extension_headers_pass", PM_PASS_HEADERS, {options(hop_by_hop, 18)}),
        not_forwarded("the_longest_hop_by_hop_options_there_are_pass", PM_PASS_HEADERS,
                      {options(hop_by_hop, 256)}),
        not_forwarded("encryption_passes", PM_PASS_NOT_OURS, {Extension{encryption, Octets(31)}}),
        not_forwarded("no_next_header_passes", PM_PASS_NOT_OURS, {Extension{no_next, Octets(7)}}),
        truncated("an_extension_header_that_ends_before_its_length", {options(hop_by_hop)}, 1),
        truncated("an_extension_header_that_ends_before_its_eighth_octet", {options(hop_by_hop)}, 7),
        truncated("an_extension_header_beyond_the_packet", {options(hop_by_hop, 2)}, 8),
        truncated("an_extension_header_with_nothing_behind_it", {options(hop_by_hop)}, 8),
        truncated("a_tcp_header_of_19_octets_behind_an_extension", {options(hop_by_hop)}, 27),
        truncated("a_fixed_header_with_nothing_behind_it", {}, 0),
        truncated("a_tcp_header_of_19_octets", {}, 19),
        answered(),
        reset_without_them(),
    };
}

} // namespace pointsman::test
