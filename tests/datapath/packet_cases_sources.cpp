#include "tests/datapath/packet_cases.hpp"
#include "tests/datapath/way.hpp"

/// Packets that are for another host, that no client can have sent, or that have travelled too far.

namespace pointsman::test {
namespace {

constexpr Way v4{};
constexpr Way v6{Protocol::tcp, true};

PacketCase from_bad_source(std::string const& what, char const* address) {
    auto const source = *Address::parse(address);
    auto const way = source.is_v4() ? v4 : v6;
    return {what + "_is_no_source", PM_DROP_SOURCE, [=](Scene& scene) {
                publish(scene, way);
                auto packet = packet_of(way);
                packet.source = source;
                return encode(packet);
            }};
}

/// Even a packet without SYN, which would be answered by a RST otherwise.
PacketCase ack_from(std::string const& what, char const* address) {
    auto row = from_bad_source("in_the_middle_of_a_connection_" + what, address);
    row.arrange = [row](Scene& scene) {
        auto packet = *decode(row.arrange(scene));
        packet.flags = ack;
        return encode(packet);
    };
    return row;
}

PacketCase to_mac(std::string const& what, Mac const& mac) {
    return {"a_frame_for_" + what + "_passes", PM_PASS_OTHER_HOST, [mac](Scene&) {
                auto packet = packet_of(v4);
                packet.to = mac;
                return encode(packet);
            }};
}

PacketCase with_ttl(Way const& way, std::uint8_t ttl) {
    return {name_of(way) + "_with_ttl_" + std::to_string(ttl) + "_ends_here", PM_DROP_TTL, [=](Scene& scene) {
                publish(scene, way);
                establish(scene, way);
                auto packet = packet_of(way, ack);
                packet.ttl = ttl;
                return encode(packet);
            }};
}

PacketCase with_ttl_2(Way const& way) {
    return {name_of(way) + "_with_ttl_2_goes_on", PM_FORWARD_TO_BACKEND,
            [=](Scene& scene) {
                publish(scene, way);
                establish(scene, way);
                auto packet = packet_of(way, ack);
                packet.ttl = 2;
                return encode(packet);
            },
            [=](Scene& scene, Packet const& sent) { return towards_backend(scene, way, sent); }};
}

PacketCase answer_with_ttl_1(Way const& way) {
    return {name_of(way) + "_answer_with_ttl_1_ends_here", PM_DROP_TTL, [=](Scene& scene) {
                publish(scene, way);
                establish(scene, way);
                auto answer = answer_of(scene, way);
                answer.ttl = 1;
                return encode(answer);
            }};
}

/// Such that the header's checksum, before or after, is 0 or wraps around.
constexpr std::array<std::uint16_t, 9> identifications{0,      0x4e8a, 0x4e8b, 0x4e8c, 0x4f89,
                                                       0x4f8a, 0x4f8b, 0x4f8c, 0xffff};

PacketCase with_identification(std::uint16_t identification) {
    return {"the_ttl_leaves_the_header_checksum_right_" + std::to_string(identification),
            PM_FORWARD_TO_BACKEND,
            [=](Scene& scene) {
                Way const dsr{Protocol::tcp, false, Forward::dsr};
                publish(scene, dsr);
                auto packet = packet_of(dsr);
                packet.identification = identification;
                return encode(packet);
            },
            [](Scene& scene, Packet const& sent) {
                return towards_backend(scene, {Protocol::tcp, false, Forward::dsr}, sent);
            }};
}

} // namespace

PacketCases source_cases() {
    PacketCases cases{
        from_bad_source("the_service_itself", "192.0.2.10"),
        from_bad_source("0_0_0_0", "0.0.0.0"),
        from_bad_source("0_1_2_3", "0.1.2.3"),
        from_bad_source("loopback", "127.0.0.1"),
        from_bad_source("multicast", "224.0.0.1"),
        from_bad_source("240_slash_4", "240.0.0.1"),
        from_bad_source("broadcast", "255.255.255.255"),
        from_bad_source("the_v6_service_itself", "2001:db8::a"),
        from_bad_source("the_unspecified_v6_address", "::"),
        from_bad_source("v6_loopback", "::1"),
        from_bad_source("v6_multicast", "ff02::1"),
        ack_from("loopback", "127.0.0.1"),
        ack_from("v6_multicast", "ff02::1"),
        to_mac("another_mac", {2, 0, 0, 0, 0, 9}),
        to_mac("everybody", {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}),
        to_mac("a_multicast_group", {1, 0, 0x5e, 0, 0, 1}),
    };
    for (auto const& way : all_ways()) {
        for (auto const ttl : {std::uint8_t{0}, std::uint8_t{1}})
            cases.push_back(with_ttl(way, ttl));
        cases.push_back(with_ttl_2(way));
        if (way.is_nat()) cases.push_back(answer_with_ttl_1(way));
    }
    for (auto const identification : identifications)
        cases.push_back(with_identification(identification));
    return cases;
}

} // namespace pointsman::test
