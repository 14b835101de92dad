#include "tests/datapath/frame_layout.hpp"
#include "tests/datapath/way.hpp"

#include <netinet/in.h>
#include <random>
#include <sched.h>

/// XDP does by heart what it did to a flow's packet before (bpf/flow_cache.h). The program at tc has no such
/// cache, and the same tables: what it does to a packet that leaves its session as it is, is right. (Packets
/// that a socket buffer cannot be made of, or that come with VLAN tags, look different there.)

namespace pointsman::test {
namespace {

/// Each CPU has a cache of its own.
class OneCpu {
public:
    OneCpu() {
        CPU_ZERO(&before_);
        ::sched_getaffinity(0, sizeof before_, &before_);
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(static_cast<unsigned>(::sched_getcpu()), &one);
        ::sched_setaffinity(0, sizeof one, &one);
    }
    OneCpu(OneCpu const&) = delete;
    OneCpu& operator=(OneCpu const&) = delete;
    ~OneCpu() { ::sched_setaffinity(0, sizeof before_, &before_); }

private:
    cpu_set_t before_{};
};

class FlowCache : public ::testing::TestWithParam<Way> {
protected:
    void SetUp() override {
        static auto const why = why_not_here();
        if (!why.empty()) GTEST_SKIP() << why;
        scene_ = std::make_unique<Scene>(shared_datapath(), Hook::xdp);
        publish(*scene_, GetParam());
        establish(*scene_, GetParam());
    }
    void TearDown() override { scene_.reset(); }

    [[nodiscard]] Scene& scene() { return *scene_; }
    [[nodiscard]] Output by_tables(Frame const& frame) { return scene_->datapath.send(Hook::tc, frame); }
    [[nodiscard]] Packet from_client() const { return packet_of(GetParam(), ack); }
    [[nodiscard]] Packet stranger() const {
        auto packet = from_client();
        packet.destination_port = 81;
        return packet;
    }

    /// From both sides, as far as the balancer sees them, and of nobody.
    [[nodiscard]] std::vector<Packet> packets() {
        std::vector<Packet> all{from_client(), stranger()};
        if (GetParam().is_nat()) all.push_back(answer_of(*scene_, GetParam()));
        return all;
    }

    /// The cache knows the packet's flow, if it knows such flows.
    void teach(Packet const& packet) {
        for (int i = 0; i < 3; ++i)
            (void)scene_->send(packet);
    }

    /// What XDP does is what the tables say.
    void expect_right(Frame const& frame) {
        auto const output = scene_->send(frame);
        auto const right = by_tables(frame);
        if (!right.verdict) return; // no socket buffer has so few octets
        EXPECT_EQ(output.verdict, right.verdict) << describe(frame);
        EXPECT_EQ(output.was_sent(), right.was_sent());
        EXPECT_PRED_FORMAT2(same_frame, output.frame, right.frame);
    }

    /// The backend's next hop changes behind the cache's back, as it never does in a generation that is in
    /// force: who reads the tables sees it.
    void move_backend() {
        for (auto& backend : scene_->datapath.tables().active_tables().backends)
            if (backend.incarnation != 0) backend.next_hop[5] ^= 0x80;
    }

private:
    OneCpu one_cpu_;
    std::unique_ptr<Scene> scene_;
};

TEST_P(FlowCache, SendsAFlowsPacketsByHeart) {
    auto const frame = encode(from_client());
    teach(from_client());
    auto const before = by_tables(frame);
    move_backend();
    if (GetParam().is_tunnel()) return; // these have their outer header made from the tables each time
    EXPECT_PRED_FORMAT2(same_frame, scene().send(frame).frame, before.frame);
    EXPECT_NE(by_tables(frame).frame, before.frame);
}

TEST_P(FlowCache, LearnsAnewWithEachGeneration) {
    auto const frame = encode(from_client());
    teach(from_client());
    move_backend();
    ++scene().generation.number;
    scene().recommit();
    expect_right(frame);
}

TEST_P(FlowCache, DoesToEachPacketWhatTheTablesSay) {
    for (auto const& packet : packets()) {
        teach(packet);
        expect_right(encode(packet));
    }
}

/// Headers that differ from packet to packet of one flow.
TEST_P(FlowCache, TakesWhatDiffersFromThePacketItself) {
    for (auto const& packet : packets()) {
        teach(packet);
        auto other = packet;
        other.sequence = 0x12345678;
        other.acknowledged = 0x9abcdef0;
        other.window = 0xfedc;
        other.identification = 0xbeef;
        other.traffic_class = 0xb9;
        other.ttl = 2;
        expect_right(encode(other));
        for (auto const size : {0U, 1U, 7U, 512U, 1400U})
            expect_right(encode(with_payload(other, size)));
        other.tcp_options = {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2};
        if (packet.protocol == Protocol::tcp) expect_right(encode(other));
        other.has_udp_checksum = false;
        if (packet.protocol == Protocol::udp && !packet.is_v6()) expect_right(encode(other));
        other = packet;
        other.fragment = 0;
        expect_right(encode(other));
        if (packet.is_v6()) other.flow_label = 0x54321;
        expect_right(encode(other));
    }
}

/// What is no plain packet of the flow, and leaves the session as it is.
TEST_P(FlowCache, LeavesWhatIsNotPlainToTheTables) {
    for (auto const& packet : packets()) {
        teach(packet);
        auto other = packet;
        other.ttl = 1;
        expect_right(encode(other));
        EXPECT_EQ(scene().send(with_tags(packet, 1)).verdict, scene().send(packet).verdict);
        other = packet;
        other.ip_options = {1, 1, 1, 0};
        if (!packet.is_v6()) expect_right(encode(other));
        other = packet;
        other.to = {2, 0, 0, 0, 0, 0x77};
        expect_right(encode(other));
        expect_right(encode(packet)); // still known
    }
}

/// Each octet of the headers changed, by one bit and by all: the checksums may be wrong then, the length, the
/// family, the flow. SYN, FIN and RST change sessions, and a new source MAC address the way back.
TEST_P(FlowCache, TellsEveryOctetOfTheHeaders) {
    for (auto const& packet : packets()) {
        auto const frame = encode(with_payload(packet, 64));
        auto const l4 = ethernet_length + (packet.is_v6() ? ipv6_length : ipv4_length);
        for (std::size_t at = 0; at < l4 + tcp_length; ++at) {
            if (at >= 6 && at < 12) continue;
            if (packet.protocol == Protocol::tcp && at == l4 + 13) continue;
            for (unsigned const bits : {0x01U, 0x10U, 0x80U, 0xffU}) {
                teach(packet);
                expect_right(with_octet(frame, at, static_cast<std::uint8_t>(frame[at] ^ bits)));
            }
        }
    }
}

TEST_P(FlowCache, LeavesFramesOfAnyOtherLengthToTheTables) {
    for (auto const& packet : packets()) {
        teach(packet);
        auto const whole = encode(with_payload(packet, 40));
        for (auto length = whole.size(); length >= ethernet_length; --length)
            expect_right({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)});
    }
}

/// The session is another one, or its state is.
TEST_P(FlowCache, KnowsNothingOfASessionThatIsGone) {
    for (auto const& packet : packets()) {
        if (packet.destination_port == 81) continue;
        teach(packet);
        for (auto& set : scene().datapath.tables().active_sessions())
            for (auto& tag : set.tag)
                tag = PM_TAG_EMPTY;
        EXPECT_NE(scene().send(packet).verdict, PM_FORWARD_TO_CLIENT);
        EXPECT_EQ(scene().send(packet).verdict, by_tables(encode(packet)).verdict);
        establish(scene(), GetParam());
    }
}

TEST_P(FlowCache, KeepsTheSessionYoung) {
    teach(from_client());
    for (auto& set : scene().datapath.tables().active_sessions())
        for (auto& last_seen : set.last_seen)
            last_seen -= 2 * PM_SEEN_TICKS;
    auto const before = sessions_in(scene().datapath.tables().active_sessions());
    (void)scene().send(from_client());
    auto const after = sessions_in(scene().datapath.tables().active_sessions());
    auto const seen = [](auto const& sessions) {
        return std::ranges::max(sessions, {}, &Session::last_seen).last_seen;
    };
    EXPECT_GE(seen(after) - seen(before), 2 * PM_SEEN_TICKS);
}

TEST_P(FlowCache, KnowsNoStrangerThatHasBecomeOurs) {
    teach(stranger());
    EXPECT_EQ(scene().send(stranger()).verdict, PM_PASS_NOT_OURS);
    scene().world.add_beside("web", "beside", 81, 1);
    scene().publish();
    expect_right(encode(stranger()));
    EXPECT_NE(scene().send(stranger()).verdict, PM_PASS_NOT_OURS);
}

std::string name_of_way(::testing::TestParamInfo<Way> const& info) {
    return name_of(info.param);
}

INSTANTIATE_TEST_SUITE_P(, FlowCache, ::testing::ValuesIn(all_ways()), name_of_way);

} // namespace
} // namespace pointsman::test
