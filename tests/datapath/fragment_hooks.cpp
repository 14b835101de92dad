#include "tests/datapath/fragments.hpp"
#include "tests/datapath/way.hpp"

/// What is known of fragments belongs to the datapath, not to one of its programs.

namespace pointsman::test {
namespace {

constexpr Way udp{Protocol::udp};
constexpr std::size_t size = 40;

std::vector<Frame> fragmented(Packet const& packet) {
    return fragments_of(with_payload(packet, 3 * size), size);
}

class FragmentHooks : public BothHooks {
protected:
    void SetUp() override {
        BothHooks::SetUp();
        if (IsSkipped()) return;
        publish(scene(), udp);
        establish(scene(), udp);
        sent_ = fragmented(packet_of(udp));
        expected_ = fragmented(at_backend(scene(), udp, with_payload(packet_of(udp), 3 * size)));
    }

    std::vector<Frame> sent_;
    std::vector<Frame> expected_;
};

TEST_P(FragmentHooks, AFragmentFollowsAFirstOneThatCameByTheOtherHook) {
    auto const other = GetParam() == Hook::xdp ? Hook::tc : Hook::xdp;
    EXPECT_PRED_FORMAT2(same_frame, scene().datapath.send(other, sent_[0]).frame, expected_[0]);
    EXPECT_PRED_FORMAT2(same_frame, scene().send(sent_[1]).frame, expected_[1]);
}

TEST_P(FragmentHooks, AFragmentFollowsAFirstOneThatCameBeforeTheProgramWasReplaced) {
    EXPECT_PRED_FORMAT2(same_frame, scene().send(sent_[0]).frame, expected_[0]);
    Programs const successor{{small_options(), scene().datapath.pin_directory(), true, true}};
    auto frame = sent_[1];
    EXPECT_EQ(run_program(successor.fd(GetParam()), GetParam(), frame), Fate::redirected);
    EXPECT_PRED_FORMAT2(same_frame, frame, expected_[1]);
}

POINTSMAN_BOTH_HOOKS(FragmentHooks);

} // namespace
} // namespace pointsman::test
