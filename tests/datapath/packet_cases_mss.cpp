#include "tests/datapath/frame_layout.hpp"
#include "tests/datapath/packet_cases.hpp"
#include "tests/datapath/way.hpp"

/// `mss_clamp`: the segment size that a SYN asks for is lowered to what the way to the backend takes,
/// wherever among the options it stands, and nothing else of the packet changes.

namespace pointsman::test {
namespace {

constexpr std::uint32_t mtu = 1400;
constexpr std::uint16_t asked = 1460;
constexpr auto automatic = MssClamp::automatic;
constexpr Way v4{};

std::uint16_t fitting(Way const& way) {
    auto const ip = way.v6 ? 40 : 20;
    auto const outer = way.backend_is_v6() ? 40 : 20;
    auto const tunnel = !way.is_tunnel() ? 0 : outer + (way.forward == Forward::gue ? 12 : 0);
    return static_cast<std::uint16_t>(static_cast<int>(mtu) - tunnel - ip - 20);
}

Octets mss_option(std::uint16_t mss) {
    return Writer{}.octet(2).octet(4).word(mss).take();
}

/// Filled up to whole words by the end of options.
Octets options(Octets before, std::uint16_t mss, Octets const& behind = {}) {
    auto const option = mss_option(mss);
    before.insert(before.end(), option.begin(), option.end());
    before.insert(before.end(), behind.begin(), behind.end());
    before.resize((before.size() + 3) / 4 * 4);
    return before;
}

/// What Linux sends: MSS, SACK permitted, timestamps, window scale.
Octets linux_options(std::uint16_t mss) {
    return options({}, mss, {4, 2, 8, 10, 0, 1, 2, 3, 0, 0, 0, 0, 1, 3, 3, 7});
}

void publish_clamping(Scene& scene, Way const& way, MssClamp clamp, std::uint32_t its_mtu = mtu) {
    scene.world = world_of(way, its_mtu);
    scene.world.service("web").mss_clamp = clamp;
    scene.publish();
}

struct Ask {
    MssClamp clamp = automatic;
    Octets sent;
    Octets seen; ///< at the backend
    std::uint32_t its_mtu = mtu;
    std::function<void(Packet&)> change = [](Packet&) {};
};

PacketCase syn_case(Way const& way, std::string const& what, Ask const& asking) {
    return {name_of(way) + "_syn_" + what, PM_FORWARD_TO_BACKEND,
            [=](Scene& scene) {
                publish_clamping(scene, way, asking.clamp, asking.its_mtu);
                auto packet = packet_of(way);
                packet.tcp_options = asking.sent;
                asking.change(packet);
                return encode(packet);
            },
            [=](Scene& scene, Packet sent) {
                sent.tcp_options = asking.seen;
                return towards_backend(scene, way, sent);
            }};
}

PacketCase lowered(Way const& way, std::string const& what, Ask const& asking = {}) {
    return syn_case(way, "is_lowered_" + what, asking);
}

PacketCase kept(Way const& way, std::string const& what, Ask asking) {
    asking.seen = asking.sent;
    return syn_case(way, "stays_" + what, asking);
}

PacketCase answer_case(Way const& way, MssClamp clamp, std::uint16_t seen, std::string const& what) {
    return {name_of(way) + "_syn_ack_" + what, PM_FORWARD_TO_CLIENT,
            [=](Scene& scene) {
                publish_clamping(scene, way, clamp);
                auto answer = scene.open(packet_of(way)).from_backend(syn | ack);
                answer.tcp_options = linux_options(asked);
                return encode(answer);
            },
            [=](Scene& scene, Packet sent) {
                sent.tcp_options = linux_options(seen);
                return encode(at_client(scene, way, sent));
            }};
}

PacketCases for_way(Way const& way) {
    PacketCases cases{
        lowered(way, "to_what_fits", {automatic, linux_options(asked), linux_options(fitting(way))}),
        lowered(way, "to_the_number", {MssClamp{1000}, linux_options(asked), linux_options(1000)}),
        lowered(way, "behind_an_odd_octet", {automatic, options({1}, asked), options({1}, fitting(way))}),
        kept(way, "if_it_fits", {automatic, linux_options(fitting(way)), {}}),
        kept(way, "as_it_is_by_default", {MssClamp::off, linux_options(asked), {}}),
        kept(way, "on_a_way_of_any_mtu", {automatic, linux_options(asked), {}, 0}),
    };
    if (!way.is_nat()) return cases;
    cases.push_back(answer_case(way, automatic, fitting(way), "is_lowered_to_what_fits"));
    cases.push_back(answer_case(way, MssClamp{1000}, 1000, "is_lowered_to_the_number"));
    cases.push_back(answer_case(way, MssClamp::off, asked, "stays_as_it_is_by_default"));
    return cases;
}

/// Options that hold no MSS option, though an octet of them may look like it.
PacketCases without_the_option() {
    auto const keep = [](std::string const& what, Octets const& sent) {
        return kept(v4, what, {automatic, sent, {}});
    };
    return {
        keep("without_options", {}),
        keep("without_the_option", {8, 10, 2, 4, 0xff, 0xff, 2, 4, 0xff, 0xff, 1, 1}),
        keep("behind_the_end_of_options", options({0}, asked)),
        keep("behind_an_option_of_no_length", options({8, 0}, asked)),
        keep("behind_an_option_of_one_octet", options({8, 1}, asked)),
        keep("behind_an_option_longer_than_the_header", options({8, 200}, asked)),
        keep("with_an_option_that_ends_behind_the_header", {1, 2, 4, 0xff}),
        keep("with_an_option_of_another_length", {2, 5, 0xff, 0xff, 0, 0, 0, 0}),
        keep("with_a_last_octet_that_begins_an_option", {1, 1, 1, 2}),
        keep("with_forty_octets_of_nothing", Octets(40, 1)),
    };
}

PacketCases at_the_edges() {
    PacketCases cases{
        lowered(v4, "as_the_last_option_of_forty_octets",
                {automatic, options(Octets(36, 1), asked), options(Octets(36, 1), fitting(v4))}),
        lowered(v4, "behind_options_of_every_length",
                {automatic, options({3, 3, 7, 4, 2, 8, 10, 0, 1, 2, 3, 0, 0, 0, 0}, 0xffff),
                 options({3, 3, 7, 4, 2, 8, 10, 0, 1, 2, 3, 0, 0, 0, 0}, fitting(v4))}),
        lowered(v4, "by_one_octet", {automatic, linux_options(1361), linux_options(1360)}),
        lowered(v4, "no_further_than_536", {automatic, linux_options(asked), linux_options(536), 400}),
        lowered(v4, "behind_ip_options",
                {automatic, options({}, asked), options({}, fitting(v4)), mtu,
                 [](Packet& packet) { packet.ip_options.assign(40, 1); }}),
        lowered({Protocol::tcp, true}, "behind_extension_headers",
                {automatic, options({1}, asked), options({1}, fitting({Protocol::tcp, true})), mtu,
                 [](Packet& packet) {
                     packet.extensions = {{60, {0, 1, 4, 0, 0, 0, 0}}};
                 }}),
        kept(v4, "in_a_first_fragment",
             {automatic,
              linux_options(asked),
              {},
              mtu,
              [](Packet& packet) { packet.fragment = more_fragments; }}),
    };
    auto last = kept(v4, "in_a_packet_without_syn", {automatic, linux_options(asked), {}});
    last.arrange = [](Scene& scene) {
        publish_clamping(scene, v4, automatic);
        establish(scene, v4);
        auto packet = packet_of(v4, ack);
        packet.tcp_options = linux_options(asked);
        return encode(packet);
    };
    cases.push_back(last);
    return cases;
}

/// Such that the checksum, before or after, wraps around.
PacketCases around_zero() {
    PacketCases cases;
    for (auto const payload : {0x0000, 0x0063, 0x0064, 0x0065, 0x6400, 0x6401, 0xfffe, 0xffff})
        for (Octets const& before : {Octets{}, Octets{1}}) {
            auto const name = "with_" + std::to_string(payload) + (before.empty() ? "_even" : "_odd");
            cases.push_back(lowered(v4, name,
                                    {automatic, options(before, asked), options(before, fitting(v4)), mtu,
                                     [payload](Packet& packet) {
                                         auto const frame = encode(packet);
                                         auto const sum = read_16(frame, layout_of(frame)->l4_checksum());
                                         packet.payload =
                                             Writer{}.word(sum).word(static_cast<unsigned>(payload)).take();
                                     }}));
        }
    return cases;
}

} // namespace

PacketCases mss_cases() {
    PacketCases all;
    auto const add = [&](PacketCases const& cases) { all.insert(all.end(), cases.begin(), cases.end()); };
    for (auto const& way : all_ways())
        if (way.protocol == Protocol::tcp) add(for_way(way));
    add(without_the_option());
    add(at_the_edges());
    add(around_zero());
    return all;
}

} // namespace pointsman::test
