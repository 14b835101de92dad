#include "tests/datapath/fragments.hpp"
#include "tests/datapath/icmp.hpp"
#include "tests/datapath/way.hpp"

#include <set>

/// `tunnel_sources`: the outer source of IP in IP is an address of a prefix, which is the flow's.

namespace pointsman::test {
namespace {

constexpr unsigned flows = 500;

struct Sources {
    Prefix prefix;
    Way way;
};

Sources sources(bool service_v6, bool backend_v6, unsigned length) {
    auto const address = backend_v6 ? *Address::parse("fd09::") : *Address::parse("10.9.0.0");
    return {{address, length},
            {Protocol::udp, service_v6, Forward::ipip, Source::pool, service_v6 != backend_v6}};
}

bool is_in(Prefix const& prefix, Address address) {
    auto octets = address.octets();
    for (auto bit = prefix.length + (address.is_v4() ? 96 : 0); bit < 128; ++bit)
        octets[bit / 8] &= static_cast<std::uint8_t>(~(0x80 >> bit % 8));
    return Address::from_octets(octets) == prefix.address;
}

class TunnelSources : public BothHooks {
protected:
    void use(Sources const& sources) {
        scene().world = world_of(sources.way);
        world().desired.datapath.tunnel_sources = {
            {*Address::parse(sources.way.backend_is_v6() ? "10.8.0.0" : "fd08::"), 24}, sources.prefix};
        scene().publish();
    }

    /// The outer source of a packet, all the rest of which must be as without a prefix.
    Address source_of(Way const& way, Packet const& packet) {
        auto const output = scene().send(packet);
        EXPECT_EQ(output.verdict, PM_FORWARD_TO_BACKEND);
        auto const outer = *decode(output.frame);
        auto expected = *decode(in_tunnel(way, encode(at_backend(scene(), way, packet))));
        expected.source = outer.source;
        if (packet.source_port == packet_of(way).source_port) {
            EXPECT_PRED_FORMAT2(same_frame, output.frame, encode(expected));
        }
        return outer.source;
    }

    std::set<Address> sources_of_flows(Way const& way) {
        std::set<Address> all;
        for (unsigned flow = 0; flow < flows; ++flow) {
            auto packet = packet_of(way);
            packet.source_port = static_cast<std::uint16_t>(packet.source_port + flow);
            all.insert(source_of(way, packet));
        }
        return all;
    }
};

TEST_P(TunnelSources, SpreadFlowsOverThePrefix) {
    for (auto const service_v6 : {false, true})
        for (auto const backend_v6 : {false, true}) {
            auto const of = sources(service_v6, backend_v6, backend_v6 ? 64 : 16);
            use(of);
            auto const all = sources_of_flows(of.way);
            EXPECT_GT(all.size(), flows * 98 / 100) << name_of(of.way);
            for (auto const& source : all)
                EXPECT_TRUE(is_in(of.prefix, source)) << source.text();
        }
}

TEST_P(TunnelSources, UseEveryAddressOfASmallPrefix) {
    for (auto const& [length, count] : {std::pair{28U, 16U}, std::pair{31U, 2U}, std::pair{32U, 1U}}) {
        auto const of = sources(false, false, length);
        use(of);
        EXPECT_EQ(sources_of_flows(of.way).size(), count);
    }
}

TEST_P(TunnelSources, AreTheFlowsFromItsFirstPacketToItsLast) {
    auto const of = sources(false, false, 16);
    use(of);
    auto const source = source_of(of.way, packet_of(of.way));
    EXPECT_EQ(source_of(of.way, with_payload(packet_of(of.way), 700)), source);
    auto whole = with_payload(packet_of(of.way), 120);
    whole.fragment = 0;
    for (auto const& fragment : fragments_of(whole, 40))
        EXPECT_EQ(decode(scene().send(fragment).frame)->source, source);
}

/// A router on the way to the backend knows the outer source only.
TEST_P(TunnelSources, GetErrorsThatTheClientLearnsOf) {
    for (auto const v6 : {false, true}) {
        auto const of = sources(v6, v6, v6 ? 64 : 16);
        use(of);
        establish(scene(), of.way);
        auto const outer = *decode(scene().send(with_payload(packet_of(of.way), 1300)).frame);
        auto error =
            error_message(IcmpError::too_big, router_address(v6), outer.source, quote_of(outer, 100));
        error.icmp_rest = 1350;
        auto const output = scene().send(error);
        EXPECT_EQ(output.verdict, PM_FORWARD_TOO_BIG);
        auto const told = *decode(output.frame);
        EXPECT_EQ(told.destination, packet_of(of.way).source);
        EXPECT_EQ(told.icmp_rest, 1350U - (v6 ? 40 : 20));
    }
}

TEST_P(TunnelSources, AreNotThoseOfOtherWays) {
    for (auto const forward : {Forward::nat, Forward::gue}) {
        auto of = sources(false, false, 16);
        of.way.forward = forward;
        use(of);
        EXPECT_EQ(decode(scene().send(packet_of(of.way)).frame)->source, nat_address);
    }
}

POINTSMAN_BOTH_HOOKS(TunnelSources);

} // namespace
} // namespace pointsman::test
