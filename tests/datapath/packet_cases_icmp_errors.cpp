#include "tests/datapath/icmp.hpp"
#include "tests/datapath/packet_cases.hpp"

/// ICMP errors go to whoever sent the packet that they quote. With NAT, the quote becomes what that side
/// sent; a router that reports keeps its address, and a peer reports by the address that the other side
/// knows.

namespace pointsman::test {
namespace {

constexpr std::size_t shortest = 8; ///< octets of L4 that every error quotes (RFC 792)
constexpr std::size_t longest = 1000;

Packet turned_round(Packet packet) {
    std::swap(packet.source, packet.destination);
    std::swap(packet.source_port, packet.destination_port);
    return with_payload(std::move(packet), 100);
}

/// What the service's side sent, as its client saw it; and as its backend sent it.
Packet answer_at_client(Way const& way) {
    return turned_round(packet_of(way, ack));
}
Packet answer_at_backend(Scene& scene, Way const& way) {
    auto packet = answer_at_client(way);
    if (!way.is_nat()) return packet;
    auto const translated = at_backend(scene, way, packet_of(way, ack));
    packet.source = translated.destination;
    packet.source_port = translated.destination_port;
    packet.destination = translated.source;
    packet.destination_port = translated.source_port;
    return packet;
}

/// What the client sent, as its NAT backend saw it.
Packet request_at_backend(Scene& scene, Way const& way) {
    return turned_round(answer_at_backend(scene, way));
}

struct Report {
    IcmpError error = IcmpError::unreachable;
    bool by_peer = false; ///< else by a router on the way
    std::size_t quoted = shortest;
};

std::string name_of(Way const& way, Report const& report, std::string const& direction) {
    constexpr char const* errors[] = {"_unreachable", "_too_big", "_time_exceeded", "_parameter_problem"};
    return name_of(way) + errors[static_cast<unsigned>(report.error)] +
           (report.by_peer ? "_from_the_peer" : "_from_a_router") +
           (report.quoted == shortest ? "" : "_with_a_long_quote") + direction;
}

Frame towards_service(Way const& way, Report const& report) {
    auto const answer = answer_at_client(way);
    auto const source = report.by_peer ? answer.destination : router_address(way.v6);
    return encode(error_message(report.error, source, answer.source, quote_of(answer, report.quoted)));
}

PacketCase to_backend(Way const& way, Report const& report) {
    return {name_of(way, report, "_goes_to_the_backend"), PM_FORWARD_ICMP_ERROR,
            [=](Scene& scene) {
                publish(scene, way);
                establish(scene, way);
                return towards_service(way, report);
            },
            [=](Scene& scene, Packet sent) {
                auto const answer = answer_at_backend(scene, way);
                auto expected = std::move(sent);
                expected.to = backend_mac(1);
                expected.from = backend_side_mac;
                --expected.ttl;
                if (way.is_nat()) {
                    if (report.by_peer) expected.source = answer.destination;
                    expected.destination = answer.source;
                    expected.payload = quote_of(answer, answer_at_client(way), report.quoted);
                }
                return in_tunnel(way, encode(expected));
            }};
}

PacketCase to_client(Way const& way, Report const& report) {
    return {name_of(way, report, "_goes_to_the_client"), PM_FORWARD_ICMP_ERROR,
            [=](Scene& scene) {
                publish(scene, way);
                establish(scene, way);
                auto const request = request_at_backend(scene, way);
                auto const source = report.by_peer ? request.destination : router_address(way.v6);
                return encode(
                    error_message(report.error, source, request.source, quote_of(request, report.quoted)));
            },
            [=](Scene& scene, Packet sent) {
                auto const request = with_payload(packet_of(way, ack), 100);
                auto expected = std::move(sent);
                expected.to = router_mac;
                expected.from = client_side_mac;
                --expected.ttl;
                if (report.by_peer) expected.source = request.destination;
                expected.destination = request.source;
                expected.payload = quote_of(request, request_at_backend(scene, way), report.quoted);
                return encode(expected);
            }};
}

/// Everything that one report may say.
std::vector<Report> all_reports() {
    std::vector<Report> reports;
    for (auto const error :
         {IcmpError::unreachable, IcmpError::too_big, IcmpError::time_exceeded, IcmpError::parameter_problem})
        reports.push_back({error});
    reports.push_back({IcmpError::unreachable, true});
    reports.push_back({IcmpError::too_big, false, longest});
    reports.push_back({IcmpError::unreachable, true, longest});
    return reports;
}

/// A report to the service, changed, that then meets this verdict.
PacketCase changed(bool v6, std::string const& what, std::uint32_t verdict,
                   std::function<void(Scene&, Packet&)> change) {
    Way const way{Protocol::udp, v6};
    return {(v6 ? "v6_error_" : "v4_error_") + what, verdict, [=](Scene& scene) {
                publish(scene, way);
                establish(scene, way);
                auto packet = *decode(towards_service(way, {}));
                change(scene, packet);
                return encode(packet);
            }};
}

std::size_t ports_of_quote(bool v6) {
    return v6 ? ipv6_length : ipv4_length;
}

/// The frame goes on where the packet ends.
PacketCase quote_in_padding(bool v6) {
    auto row = changed(v6, "whose_quote_ends_in_the_frames_padding_passes", PM_PASS_NOT_OURS,
                       [](Scene&, Packet& packet) { packet.payload.pop_back(); });
    row.arrange = [arrange = row.arrange](Scene& scene) {
        auto frame = arrange(scene);
        frame.push_back(0);
        return frame;
    };
    return row;
}

PacketCases others(bool v6) {
    auto const truncated_by = [](std::size_t octets) {
        return [octets](Scene&, Packet& packet) { packet.payload.resize(packet.payload.size() - octets); };
    };
    auto const with_quoted = [](std::size_t offset, std::uint8_t value) {
        return [=](Scene&, Packet& packet) { packet.payload[offset] = value; };
    };
    auto const protocol_at = v6 ? std::size_t{6} : std::size_t{9};
    return {
        changed(v6, "that_quotes_an_unknown_flow_passes", PM_PASS_NOT_OURS,
                with_quoted(ports_of_quote(v6) + 3, 77)),
        changed(v6, "that_quotes_another_protocol_passes", PM_PASS_NOT_OURS, with_quoted(protocol_at, 6)),
        changed(v6, "that_quotes_ping_passes", PM_PASS_NOT_OURS, with_quoted(protocol_at, v6 ? 58 : 1)),
        changed(v6, "that_quotes_too_little_passes", PM_PASS_NOT_OURS, truncated_by(1)),
        changed(v6, "that_quotes_half_a_header_passes", PM_PASS_NOT_OURS, truncated_by(20)),
        quote_in_padding(v6),
        changed(v6, "that_quotes_nothing_passes", PM_PASS_NOT_OURS,
                [](Scene&, Packet& packet) { packet.payload.clear(); }),
        changed(v6, "that_is_none_passes", PM_PASS_NOT_OURS,
                [](Scene&, Packet& packet) { packet.icmp_type = 5; }),
        changed(v6, "with_ttl_1_ends_here", PM_DROP_TTL, [](Scene&, Packet& packet) { packet.ttl = 1; }),
        changed(v6, "for_a_backend_that_is_down_ends_here", PM_DROP_BACKEND_DOWN,
                [](Scene& scene, Packet&) {
                    scene.world.measure(1, MeasuredState::down);
                    scene.publish();
                }),
        changed(v6, "for_a_backend_without_a_next_hop_ends_here", PM_DROP_NO_NEXT_HOP,
                [](Scene& scene, Packet&) {
                    scene.generation.backends.edit(0).next_hop.reset();
                    scene.recommit();
                }),
    };
}

PacketCases of_v4_only() {
    return {
        changed(false, "that_quotes_a_later_fragment_passes", PM_PASS_NOT_OURS,
                [](Scene&, Packet& packet) { packet.payload[7] = 1; }),
        changed(false, "that_quotes_a_header_of_16_octets_passes", PM_PASS_NOT_OURS,
                [](Scene&, Packet& packet) { packet.payload[0] = 0x44; }),
        changed(false, "in_fragments_passes", PM_PASS_NOT_OURS,
                [](Scene&, Packet& packet) { packet.fragment = more_fragments; }),
    };
}

/// The quoted packet has IP options; so has the error itself.
PacketCase with_ip_options() {
    Way const way{};
    auto const with_options = [](Packet packet, std::size_t length) {
        packet.ip_options.assign(length, 1);
        return packet;
    };
    return {"v4_error_with_ip_options_that_quotes_some_goes_to_the_backend", PM_FORWARD_ICMP_ERROR,
            [=](Scene& scene) {
                publish(scene, way);
                establish(scene, way);
                auto const answer = with_options(answer_at_client(way), 40);
                auto const error = error_message(IcmpError::too_big, router_address(false), answer.source,
                                                 quote_of(answer, shortest));
                return encode(with_options(error, 40));
            },
            [=](Scene& scene, Packet const& sent) {
                auto const answer = with_options(answer_at_backend(scene, way), 40);
                auto expected = sent;
                expected.to = backend_mac(1);
                expected.from = backend_side_mac;
                --expected.ttl;
                expected.destination = answer.source;
                expected.payload = quote_of(answer, with_options(answer_at_client(way), 40), shortest);
                return encode(expected);
            }};
}

} // namespace

PacketCases icmp_error_cases() {
    PacketCases cases{with_ip_options()};
    for (auto const& way : all_ways())
        for (auto const& report : all_reports()) {
            cases.push_back(to_backend(way, report));
            if (way.is_nat()) cases.push_back(to_client(way, report));
        }
    for (auto const& more : {others(false), others(true), of_v4_only()})
        cases.insert(cases.end(), more.begin(), more.end());
    return cases;
}

} // namespace pointsman::test
