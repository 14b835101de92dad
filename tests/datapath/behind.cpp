#include "tests/datapath/frame_layout.hpp"
#include "tests/datapath/icmp.hpp"
#include "tests/datapath/octets.hpp"
#include "tests/datapath/way.hpp"

/// What generic XDP does itself, and what it leaves to the tc program behind it. (Frames longer than the MTU,
/// and what becomes of those that were left: tests/e2e/test_generic.py.)

namespace pointsman::test {
namespace {

/// The mark before a frame that was left, in memory order.
constexpr std::array<std::uint8_t, 4> mark{0x66, 0x6c, 0x6d, 0x70};

class Generic : public ::testing::TestWithParam<Way> {
protected:
    void SetUp() override {
        static auto const why = why_not_here();
        if (!why.empty()) GTEST_SKIP() << why;
        scene_ = std::make_unique<Scene>(datapath(), Hook::xdp);
        publish(*scene_, GetParam());
    }
    void TearDown() override { scene_.reset(); }

    [[nodiscard]] static Datapath& datapath() {
        static Datapath datapath{small_options(), true};
        return datapath;
    }
    [[nodiscard]] Output xdp(Frame const& frame) { return scene_->send(frame); }
    [[nodiscard]] Output behind(Frame const& frame) { return datapath().send(Hook::behind, frame); }
    [[nodiscard]] static std::uint64_t received() { return total(datapath().programs().counters()).received; }

private:
    std::unique_ptr<Scene> scene_;
};

/// The frame as a local sender hands it to its NIC: the checksum's field holds the pseudo-header's sum.
Frame to_be_completed(Frame frame) {
    auto const layout = layout_of(frame);
    auto const l4 = std::span{frame}.subspan(layout->l4, layout->end - layout->l4);
    write_16(frame, layout->l4_checksum(), 0);
    auto const without_pseudo = fold_sum(sum_octets(l4));
    auto const all = l4_sum(frame, *layout);
    write_16(frame, layout->l4_checksum(), fold_sum(all + (0xffffU - without_pseudo)));
    return frame;
}

TEST_P(Generic, ForwardsWhatIsComplete) {
    auto packet = packet_of(GetParam());
    for (bool const has_checksum : {true, GetParam().v6}) { // UDP over IPv4 may have none
        packet.has_udp_checksum = has_checksum;
        auto const output = xdp(encode(packet));
        EXPECT_EQ(output.verdict, std::uint32_t{PM_FORWARD_TO_BACKEND});
        EXPECT_TRUE(output.was_sent());
    }
}

TEST_P(Generic, LeavesAChecksumThatIsYetToBeCompletedMarkedUnchangedAndUncounted) {
    for (std::size_t const octets : {0U, 1U, 100U, 1001U}) {
        auto const sent = to_be_completed(encode(with_payload(packet_of(GetParam()), octets)));
        auto const before = received();
        auto const output = xdp(sent);
        EXPECT_EQ(output.fate, Fate::passed);
        EXPECT_EQ(received(), before);
        Frame expected{mark.begin(), mark.end()};
        expected.insert(expected.end(), sent.begin(), sent.end());
        EXPECT_EQ(output.frame, expected);
    }
}

TEST_P(Generic, TcBehindItPassesWhatWasNotLeftUnchangedAndUncounted) {
    for (auto const& sent : {encode(packet_of(GetParam())), to_be_completed(encode(packet_of(GetParam())))}) {
        auto const before = received();
        auto const output = behind(sent);
        EXPECT_EQ(output.fate, Fate::passed);
        EXPECT_EQ(received(), before);
        EXPECT_EQ(output.frame, sent);
    }
}

TEST_P(Generic, DropsWhatIsMalformedItself) {
    auto const frame = encode(packet_of(GetParam()));
    auto const layout = layout_of(frame);
    auto const output =
        xdp(Frame{frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(layout->l4) + 4});
    EXPECT_EQ(output.verdict, std::uint32_t{PM_DROP_MALFORMED});
}

TEST_P(Generic, AnswersPingItself) {
    EXPECT_EQ(xdp(encode(echo_request(GetParam().v6))).fate, Fate::sent_back);
}

INSTANTIATE_TEST_SUITE_P(, Generic,
                         ::testing::Values(Way{Protocol::tcp, false}, Way{Protocol::udp, false},
                                           Way{Protocol::tcp, true}, Way{Protocol::udp, true},
                                           Way{Protocol::tcp, false, Forward::ipip}),
                         [](auto const& way) { return name_of(way.param); });

} // namespace
} // namespace pointsman::test
