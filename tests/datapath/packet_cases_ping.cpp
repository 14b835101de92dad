#include "tests/datapath/fragments.hpp"
#include "tests/datapath/icmp.hpp"
#include "tests/datapath/packet_cases.hpp"

/// Echo requests to a service's address: answered while a backend is there for it, ended here while none is,
/// and left to the host where the address is the host's own.

namespace pointsman::test {
namespace {

std::string with_family(bool v6, std::string const& what) {
    return (v6 ? "v6_ping_" : "v4_ping_") + what;
}

void publish_for(Scene& scene, bool v6) {
    publish(scene, {Protocol::udp, v6});
}

/// One more service at the address of "web", without a backend.
void add_dead_service(Scene& scene) {
    auto dead = scene.world.service("web");
    dead.name = "dead";
    dead.port_first = dead.port_last = 81;
    dead.backends.clear();
    scene.world.desired.services.push_back(dead);
    scene.publish();
}

PacketCase answered(bool v6, std::string const& what, std::function<Packet(Scene&)> arrange) {
    return {with_family(v6, what), PM_FORWARD_PONG,
            [=](Scene& scene) {
                publish_for(scene, v6);
                return encode(arrange(scene));
            },
            [](Scene&, Packet const& sent) { return encode(echo_reply(sent)); }};
}

PacketCase not_answered(bool v6, std::string const& what, std::uint32_t verdict,
                        std::function<Frame(Scene&)> arrange) {
    return {with_family(v6, what), verdict, [=](Scene& scene) {
                publish_for(scene, v6);
                return arrange(scene);
            }};
}

Frame fragment_of_ping(bool v6, std::size_t part) {
    auto request = with_payload(echo_request(v6), 100);
    request.fragment = 0;
    request.identification = 99;
    return fragments_of(request, 48)[part];
}

PacketCases answered_pings(bool v6) {
    return {
        answered(v6, "of_a_living_service_is_answered", [v6](Scene&) { return echo_request(v6); }),
        answered(v6, "without_data_is_answered", [v6](Scene&) { return with_payload(echo_request(v6), 0); }),
        answered(v6, "of_1400_octets_is_answered",
                 [v6](Scene&) { return with_payload(echo_request(v6), 1401); }),
        answered(v6, "with_a_tag_is_answered", [v6](Scene&) { return with_tags(echo_request(v6), 1); }),
        answered(v6, "with_two_tags_is_answered", [v6](Scene&) { return with_tags(echo_request(v6), 2); }),
        answered(v6, "is_answered_while_one_of_the_services_is_alive",
                 [v6](Scene& scene) {
                     add_dead_service(scene);
                     return echo_request(v6);
                 }),
    };
}

/// What the host sees.
PacketCases passing_pings(bool v6) {
    return {
        not_answered(v6, "of_a_service_at_the_hosts_own_address_passes", PM_PASS_NOT_OURS,
                     [v6](Scene& scene) {
                         scene.world.network.own.insert(v6 ? web_address_v6 : web_address);
                         scene.publish();
                         return encode(echo_request(v6));
                     }),
        not_answered(v6, "of_another_address_passes", PM_PASS_NOT_OURS,
                     [v6](Scene&) {
                         auto request = echo_request(v6);
                         request.destination = router_address(v6);
                         return encode(request);
                     }),
        not_answered(v6, "in_the_other_familys_protocol_passes", PM_PASS_NOT_OURS,
                     [v6](Scene&) {
                         auto request = echo_request(v6);
                         request.protocol = v6 ? icmp : icmpv6;
                         return encode(request);
                     }),
        not_answered(v6, "replies_pass", PM_PASS_NOT_OURS,
                     [v6](Scene&) {
                         auto reply = echo_request(v6);
                         reply.icmp_type = v6 ? 129 : 0;
                         return encode(reply);
                     }),
        not_answered(v6, "first_fragment_passes", PM_PASS_NOT_OURS,
                     [v6](Scene&) { return fragment_of_ping(v6, 0); }),
        not_answered(v6, "later_fragment_passes", PM_PASS_FRAGMENT,
                     [v6](Scene&) { return fragment_of_ping(v6, 1); }),
    };
}

/// What nobody sees.
PacketCases dropped_pings(bool v6) {
    return {
        not_answered(v6, "of_a_dead_service_ends_here", PM_DROP_PING,
                     [v6](Scene& scene) {
                         scene.world.measure(1, MeasuredState::down);
                         scene.publish();
                         return encode(echo_request(v6));
                     }),
        not_answered(v6, "from_the_service_itself_ends_here", PM_DROP_SOURCE,
                     [v6](Scene&) {
                         auto request = echo_request(v6);
                         request.source = request.destination;
                         return encode(request);
                     }),
        not_answered(v6, "from_everybody_ends_here", PM_DROP_SOURCE,
                     [v6](Scene&) {
                         auto request = echo_request(v6);
                         request.source =
                             v6 ? *Address::parse("ff02::1") : *Address::parse("255.255.255.255");
                         return encode(request);
                     }),
        not_answered(v6, "of_7_octets_is_malformed", PM_DROP_MALFORMED,
                     [v6](Scene&) {
                         auto const l3 = v6 ? ipv6_length : ipv4_length;
                         auto frame = encode(with_payload(echo_request(v6), 0));
                         frame.pop_back();
                         write_16(frame, ethernet_length + (v6 ? 4 : 2),
                                  static_cast<std::uint32_t>(7 + (v6 ? 0 : l3)));
                         return frame;
                     }),
    };
}

} // namespace

PacketCases ping_cases() {
    PacketCases cases;
    for (auto const v6 : {false, true})
        for (auto const& some : {answered_pings(v6), passing_pings(v6), dropped_pings(v6)})
            cases.insert(cases.end(), some.begin(), some.end());
    cases.push_back(answered(false, "with_ip_options_is_answered", [](Scene&) {
        auto request = echo_request(false);
        request.ip_options.assign(40, 1);
        return request;
    }));
    cases.push_back(answered(true, "with_extension_headers_is_answered", [](Scene&) {
        auto request = echo_request(true);
        request.extensions = {{60, {0, 1, 4, 0, 0, 0, 0}}};
        return request;
    }));
    return cases;
}

} // namespace pointsman::test
