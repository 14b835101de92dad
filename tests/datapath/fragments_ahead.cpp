#include "tests/datapath/fragments.hpp"
#include "tests/datapath/way.hpp"

#include <algorithm>
#include <set>

/// Fragments of a new flow that come before its first one: they choose for it.

namespace pointsman::test {
namespace {

constexpr std::size_t size = 40;
constexpr Address other_nat_address = Address::v4(0x0a'00'00'02); ///< 10.0.0.2

std::vector<Frame> fragments_from(std::uint32_t host, std::uint16_t identification = 77) {
    auto packet = with_payload(client_datagram(4000), 3 * size);
    packet.source = Address::v4(0xc6'33'64'00 + host); // 198.51.100.0/24
    packet.identification = identification;
    packet.fragment = 0;
    return fragments_of(packet, size);
}

Mac backend_of(Frame const& frame) {
    Mac mac;
    std::copy_n(frame.begin(), mac.size(), mac.begin());
    return mac;
}

using Source4 = std::array<std::uint8_t, 4>;

Source4 source_of(Frame const& frame) {
    Source4 source;
    std::copy_n(frame.begin() + 26, source.size(), source.begin());
    return source;
}

class FragmentsAhead : public BothHooks {
protected:
    void SetUp() override {
        BothHooks::SetUp();
        if (IsSkipped()) return;
        auto world = web_world(Protocol::udp);
        world.desired.datapath.nat_addresses = {nat_address, other_nat_address};
        begin(world);
    }

    [[nodiscard]] Frame forwarded(Frame const& frame) {
        auto const output = scene().send(frame);
        EXPECT_EQ(output.verdict, std::uint32_t{PM_FORWARD_TO_BACKEND});
        return output.frame;
    }
    void expect_verdict(Frame const& frame, std::uint32_t expected) {
        EXPECT_EQ(scene().send(frame).verdict, expected);
    }
};

TEST_P(FragmentsAhead, GoWhereTheFirstOneThenGoes) {
    std::set<Mac> backends;
    std::set<Source4> sources;
    for (std::uint32_t host = 1; host < 100; ++host) {
        auto const sent = fragments_from(host);
        auto const last = forwarded(sent[2]);
        for (auto const part : {1U, 0U}) {
            auto const frame = forwarded(sent[part]);
            EXPECT_EQ(backend_of(frame), backend_of(last)) << host;
            EXPECT_EQ(source_of(frame), source_of(last)) << host;
        }
        backends.insert(backend_of(last));
        sources.insert(source_of(last));
    }
    EXPECT_EQ(backends.size(), 3U);
    EXPECT_EQ(sources.size(), 2U);
}

TEST_P(FragmentsAhead, OfTheNextDatagramFollowTheFlow) {
    for (std::uint32_t host = 1; host < 30; ++host) {
        auto const sent = fragments_from(host);
        auto const first = forwarded(sent[0]);
        auto const next = fragments_from(host, 78);
        EXPECT_EQ(backend_of(forwarded(next[2])), backend_of(first));
        EXPECT_EQ(source_of(forwarded(next[0])), source_of(first));
    }
}

TEST_P(FragmentsAhead, BindNoFirstOneToABackendThatIsGone) {
    auto const sent = fragments_from(1);
    auto const number = backend_of(forwarded(sent[2]))[5];
    world().measure(number, MeasuredState::down);
    scene().publish();
    EXPECT_NE(backend_of(forwarded(sent[0]))[5], number);
}

TEST_P(FragmentsAhead, EndWhereTheyMayBeOfAnotherService) {
    world().add_beside("web", "dns", 53, 7);
    scene().publish();
    auto const sent = fragments_from(1);
    expect_verdict(sent[2], PM_DROP_FRAGMENT_AHEAD);
    auto const first = forwarded(sent[0]);
    auto const repeated = fragments_from(1, 78);
    EXPECT_EQ(backend_of(forwarded(repeated[2])), backend_of(first));
}

TEST_P(FragmentsAhead, ArePassedWhereTheyMayBeForTheHostItself) {
    world().network.own.insert(web_address);
    scene().publish();
    expect_verdict(fragments_from(1)[2], PM_PASS_FRAGMENT);
}

TEST_P(FragmentsAhead, OfASourceThatNobodyHasAreDropped) {
    auto packet = with_payload(client_datagram(4000), 3 * size);
    packet.source = Address::v4(0x7f'00'00'01);
    packet.fragment = 0;
    expect_verdict(fragments_of(packet, size)[2], PM_DROP_SOURCE);
}

TEST_P(FragmentsAhead, FindNobodyWhenAllBackendsAreDown) {
    for (unsigned number = 1; number <= 3; ++number)
        world().measure(number, MeasuredState::down);
    scene().publish();
    expect_verdict(fragments_from(1)[2], PM_DROP_NO_BACKEND);
}

POINTSMAN_BOTH_HOOKS(FragmentsAhead);

} // namespace
} // namespace pointsman::test
