#include "tests/datapath/packet_cases.hpp"
#include "tests/datapath/second_chances.hpp"

/// Packets of a service that cannot be forwarded, each dropped with a name or answered.

namespace pointsman::test {
namespace {

void all_backends_down(Scene& scene, OnDown on_down, Protocol protocol = Protocol::tcp) {
    scene.world = web_world(protocol, 3, on_down);
    for (unsigned number = 1; number <= 3; ++number)
        scene.world.measure(number, MeasuredState::down);
    scene.publish();
}

/// The kernel forgot the next hops of a generation that is in use.
void forget_next_hops(Scene& scene) {
    for (std::size_t i = 0; i < scene.generation.backends.size(); ++i)
        scene.generation.backends.edit(i).next_hop.reset();
    scene.recommit();
}

/// Established by a client whose packets came by an interface that is gone now. Interfaces are told apart by
/// their slots: the one that packets of the tests come by first has the slot next to its own.
Flow flow_of_another_interface(Scene& scene) {
    auto const same_slot = Datapath::ingress_ifindex + PM_LINK_SLOTS;
    scene.generation.links = {{same_slot, client_side_mac}, {Datapath::ingress_ifindex, client_side_mac}};
    scene.recommit();
    auto flow = scene.establish(client_packet(1234));
    std::erase_if(scene.generation.links,
                  [](Link const& link) { return link.ifindex != Datapath::ingress_ifindex; });
    scene.recommit();
    return flow;
}

void claim_every_place(Scene& scene) {
    for (auto& set : scene.datapath.tables().active_sessions())
        for (auto& tag : set.tag)
            tag = PM_TAG_CLAIMED;
}

/// Established on a backend that then goes down under on_down = drop.
Flow flow_of_a_backend_that_is_down(Scene& scene, Protocol protocol) {
    scene.world = web_world(protocol, 3, OnDown::drop);
    scene.publish();
    auto flow = scene.establish_at(2);
    scene.world.measure(2, MeasuredState::down);
    scene.publish();
    return flow;
}

PacketCases const cases = {
    {"rst_without_a_session", PM_DROP_NO_SESSION, [](Scene&) { return encode(client_packet(1234, rst)); }},
    {"ack_without_a_session_under_drop", PM_DROP_NO_SESSION,
     [](Scene& scene) {
         scene.world.service("web").on_down = OnDown::drop;
         scene.publish();
         return encode(client_packet(1234, ack));
     }},
    {"syn_without_an_eligible_backend_under_drop", PM_DROP_NO_BACKEND,
     [](Scene& scene) {
         all_backends_down(scene, OnDown::drop);
         return encode(client_packet(1234));
     }},
    {"a_datagram_without_an_eligible_backend_under_reset", PM_DROP_NO_BACKEND,
     [](Scene& scene) {
         all_backends_down(scene, OnDown::reset, Protocol::udp);
         return encode(client_datagram(1234));
     }},
    {"a_new_flow_to_a_backend_whose_next_hop_is_unknown", PM_DROP_NO_NEXT_HOP,
     [](Scene& scene) {
         forget_next_hops(scene);
         return encode(client_packet(1234));
     }},
    {"an_old_flow_to_a_backend_whose_next_hop_is_unknown", PM_DROP_NO_NEXT_HOP,
     [](Scene& scene) {
         auto const flow = scene.establish(client_packet(1234));
         forget_next_hops(scene);
         return encode(flow.from_client(ack));
     }},
    {"a_reply_when_the_clients_interface_is_gone", PM_DROP_NO_NEXT_HOP,
     [](Scene& scene) {
         auto const flow = flow_of_another_interface(scene);
         return encode(flow.from_backend(ack));
     }},
    {"tcp_of_a_backend_that_is_down_under_drop", PM_DROP_BACKEND_DOWN,
     [](Scene& scene) {
         return encode(flow_of_a_backend_that_is_down(scene, Protocol::tcp).from_client(ack));
     }},
    {"udp_of_a_backend_that_is_down_under_drop", PM_DROP_BACKEND_DOWN,
     [](Scene& scene) {
         return encode(flow_of_a_backend_that_is_down(scene, Protocol::udp).from_client(0));
     }},
    {"a_reply_of_a_backend_that_is_down_under_drop", PM_DROP_BACKEND_DOWN,
     [](Scene& scene) {
         return encode(flow_of_a_backend_that_is_down(scene, Protocol::tcp).from_backend(ack));
     }},
    {"a_new_flow_when_every_nat_port_is_in_use", PM_DROP_PORTS_EXHAUSTED,
     [](Scene& scene) {
         scene.world = web_world(Protocol::tcp, 1);
         scene.publish();
         for (std::uint16_t port = 1; port <= 4; ++port)
             (void)scene.establish(client_packet(port));
         return encode(client_packet(5));
     },
     nullptr, true},
    {"a_last_fragment_ahead_of_all_others", PM_DROP_FRAGMENT_AHEAD,
     [](Scene&) {
         auto packet = client_packet(1234, ack);
         packet.fragment = 185;
         return encode(packet);
     }},
    {"refusal_of_a_syn_that_came_with_data", PM_DROP_REFUSAL,
     [](Scene& scene) { return encode(refusal_of(scene.open(with_payload(client_packet(1234), 5)))); }},
    {"a_new_flow_when_other_cpus_write_every_place", PM_DROP_SESSIONS_FULL,
     [](Scene& scene) {
         claim_every_place(scene);
         return encode(client_packet(1234));
     }},
};

} // namespace

PacketCases dropping_cases() {
    return cases;
}

} // namespace pointsman::test
