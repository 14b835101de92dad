#include "tests/datapath/packet_cases.hpp"
#include "tests/datapath/way.hpp"

/// Frames with 802.1Q tags, one or two: they keep their tags wherever they go. (With the tc hook, the kernel
/// takes the outermost tag off before the program and puts it on after it. The cases have the tags that are
/// left.)

namespace pointsman::test {
namespace {

std::string tagged(Way const& way, std::size_t tags, std::string const& what) {
    return name_of(way) + (tags == 1 ? "_with_a_tag" : "_with_two_tags") + what;
}

std::vector<VlanTag> tags_of(std::size_t count) {
    return with_tags({}, count).tags;
}

/// On tc a tunnel is made without tags; the outermost one that comes back stands beside the frame.
Frame as_the_hook_shows_it(Scene const& scene, Way const& way, Frame const& frame) {
    if (scene.hook == Hook::xdp || !way.is_tunnel()) return frame;
    auto shown = frame;
    shown.erase(shown.begin() + 12, shown.begin() + 16);
    return shown;
}

/// A test run leaves skb->mac_len at 0, which receiving sets: with it the kernel's helpers that take tags off
/// and put them on keep the sum.
PacketCase first_packet(Way const& way, std::size_t tags) {
    PacketCase row{tagged(way, tags, "_goes_to_its_backend"), PM_FORWARD_TO_BACKEND,
                   [way, tags](Scene& scene) {
                       publish(scene, way);
                       return encode(with_tags(with_payload(packet_of(way), 64), tags));
                   },
                   [way](Scene& scene, Packet const& sent) {
                       return as_the_hook_shows_it(scene, way, towards_backend(scene, way, sent));
                   }};
    row.is_never_summed = way.is_tunnel();
    return row;
}

PacketCase answer(Way const& way, std::size_t tags) {
    return {tagged(way, tags, "_is_answered_with_the_tag_of_the_answer"), PM_FORWARD_TO_CLIENT,
            [way, tags](Scene& scene) {
                publish(scene, way);
                establish(scene, way, tags_of(tags));
                return encode(with_tags(answer_of(scene, way), tags));
            },
            [way](Scene& scene, Packet const& sent) { return encode(at_client(scene, way, sent)); }};
}

PacketCase reset(Way const& way, std::size_t tags) {
    return {tagged(way, tags, "_without_a_backend_is_answered_by_a_tagged_rst"), PM_FORWARD_RESET,
            [way, tags](Scene& scene) {
                scene.world = world_of(way);
                scene.world.measure(1, MeasuredState::down);
                scene.publish();
                return encode(with_tags(packet_of(way), tags));
            },
            [](Scene&, Packet const& sent) { return encode(reset_for(sent)); }};
}

Frame with_ethertype_of_a_tag(std::size_t length) {
    auto frame = encode(with_tags(packet_of({}), 1));
    frame.resize(length);
    return frame;
}

PacketCases const others = {
    {"a_frame_that_ends_within_its_tag_is_malformed", PM_DROP_MALFORMED,
     [](Scene&) { return with_ethertype_of_a_tag(ethernet_length + 3); }},
    {"a_frame_that_ends_behind_its_tag_is_malformed", PM_DROP_MALFORMED,
     [](Scene&) { return with_ethertype_of_a_tag(ethernet_length + 4); }},
    {"a_tagged_frame_of_another_protocol_passes", PM_PASS_NOT_IP,
     [](Scene&) {
         auto frame = with_ethertype_of_a_tag(60);
         write_16(frame, ethernet_length + 2, 0x0806);
         return frame;
     }},
    {"three_tags_pass", PM_PASS_NOT_IP,
     [](Scene&) { return encode(with_tags(with_tags(packet_of({}), 1), 2)); }},
};

} // namespace

PacketCases vlan_cases() {
    auto cases = others;
    for (auto const& way : all_ways())
        for (auto const tags : {std::size_t{1}, std::size_t{2}}) {
            cases.push_back(first_packet(way, tags));
            if (way.is_nat()) cases.push_back(answer(way, tags));
            if (way.is_nat() && way.protocol == Protocol::tcp) cases.push_back(reset(way, tags));
        }
    return cases;
}

} // namespace pointsman::test
