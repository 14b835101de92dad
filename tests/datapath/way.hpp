#pragma once

#include "tests/datapath/scene.hpp"

namespace pointsman::test {

/// One way of forwarding: what a service says of it, and the families of its addresses.
struct Way {
    Protocol protocol = Protocol::tcp;
    bool v6 = false;
    Forward forward = Forward::nat;
    Source source = Source::pool;
    bool other_family = false; ///< tunnels: the outer header's

    [[nodiscard]] bool is_nat() const noexcept { return forward == Forward::nat; }
    [[nodiscard]] bool is_tunnel() const noexcept {
        return forward == Forward::ipip || forward == Forward::gue;
    }
    [[nodiscard]] bool backend_is_v6() const noexcept { return v6 != other_family; }
};

/// "tcp_v4_ipip_in_v6".
[[nodiscard]] std::string name_of(Way const& way);

/// All combinations that a configuration may name.
[[nodiscard]] std::vector<Way> all_ways();

/// The service "web" with the backend 1 that is reached this way.
/// @param mtu longest IP packet that the route to it takes; 0: any
[[nodiscard]] World world_of(Way const& way, std::uint32_t mtu = 0);
void publish(Scene& scene, Way const& way, std::uint32_t mtu = 0);

/// A client's packet to the service: TCP with these flags, or a datagram. From port 1234.
[[nodiscard]] Packet packet_of(Way const& way, std::uint8_t flags = syn);
[[nodiscard]] Packet with_payload(Packet packet, std::size_t length);
[[nodiscard]] Packet with_tags(Packet packet, std::size_t tags);

/// The RST that RFC 9293 (3.10.7.1) demands for a segment that reaches no connection.
[[nodiscard]] Packet reset_for(Packet const& sent);

/// packet_of's flow, forwarded, answered (NAT) and complete.
void establish(Scene& scene, Way const& way, std::vector<VlanTag> const& tags = {});

/// What the backend of that flow sends, of NAT.
[[nodiscard]] Packet answer_of(Scene& scene, Way const& way, Octets payload = {'2', '0', '0'});

/// The packet as the backend gets it, without a tunnel around it.
[[nodiscard]] Packet at_backend(Scene& scene, Way const& way, Packet sent);
[[nodiscard]] Packet at_client(Scene& scene, Way const& way, Packet sent);

/// The same frame with the tunnel of that flow around it, if the way is one. `inner` is a whole frame.
[[nodiscard]] Frame in_tunnel(Way const& way, Frame const& inner);

/// What leaves towards the backend when `sent` comes.
[[nodiscard]] Frame towards_backend(Scene& scene, Way const& way, Packet const& sent);

} // namespace pointsman::test
