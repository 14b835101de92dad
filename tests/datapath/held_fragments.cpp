#include "controller/datapath/mapped_array.hpp"
#include "tests/datapath/fragments.hpp"
#include "tests/datapath/way.hpp"

#include <algorithm>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

/// Later fragments whose first one has not come: which of them the program hands to the daemon, and what it
/// does with those that come back.

namespace pointsman::test {
namespace {

constexpr std::size_t size = 40;
constexpr std::uint32_t held_back = PM_PASS_FRAGMENT_HELD;
constexpr std::uint32_t ended = PM_DROP_FRAGMENT_AHEAD;

Frame frame_of(pm_held_fragment const& held) {
    return {held.frame, held.frame + held.length};
}

/// In the place of the daemon: grants, takes, and settles.
class Keeper {
public:
    explicit Keeper(Programs const& programs)
        : fragments_{programs.map_fd("pm_fragments")}
        , hold_{programs.map_fd("pm_hold"), 1}
        , ring_{ring_buffer__new(programs.map_fd("pm_held"), append, &held_, nullptr), ring_buffer__free} {
        (void)take();
    }
    Keeper(Keeper const&) = delete;
    Keeper& operator=(Keeper const&) = delete;
    ~Keeper() { hold_.all().front().granted = 0; }

    void grant(std::uint64_t count) {
        auto& hold = hold_.all().front();
        hold.granted = hold.taken + count;
    }
    [[nodiscard]] std::vector<pm_held_fragment> take() {
        held_.clear();
        ring_buffer__consume(ring_.get());
        return std::exchange(held_, {});
    }
    void settle(pm_fragment_key const& key) const {
        pm_session const nobody{};
        ASSERT_EQ(bpf_map_update_elem(fragments_, &key, &nobody, BPF_NOEXIST), 0);
    }

private:
    static int append(void* held, void* record, std::size_t length) {
        if (length == sizeof(pm_held_fragment))
            static_cast<std::vector<pm_held_fragment>*>(held)->push_back(
                *static_cast<pm_held_fragment const*>(record));
        return 0;
    }

    int fragments_;
    MappedArray<pm_hold> hold_;
    std::vector<pm_held_fragment> held_;
    std::unique_ptr<ring_buffer, void (*)(ring_buffer*)> ring_;
};

/// The service "web" of UDP, and another one at its address.
class HeldFragments : public BothHooks {
protected:
    void SetUp() override {
        BothHooks::SetUp();
        if (IsSkipped()) return;
        auto world = web_world(Protocol::udp);
        world.add_beside("web", "dns", 53, 7);
        begin(world);
        keeper_.emplace(scene().datapath.programs());
        keeper_->grant(1000);
    }
    void TearDown() override {
        keeper_.reset();
        BothHooks::TearDown();
    }

    [[nodiscard]] static std::vector<Frame> fragments(std::uint16_t identification = 77,
                                                      std::size_t length = size) {
        auto packet = with_payload(client_datagram(4000), 3 * length);
        packet.identification = identification;
        packet.fragment = 0;
        return fragments_of(packet, length);
    }
    void expect_verdict(Frame const& frame, std::uint32_t expected) {
        EXPECT_EQ(scene().send(frame).verdict, expected);
    }
    [[nodiscard]] Keeper& keeper() { return *keeper_; }

private:
    std::optional<Keeper> keeper_;
};

TEST_P(HeldFragments, AreHandedOverWholeAndGoNowhereElse) {
    auto const sent = fragments();
    auto const output = scene().send(sent[2]);
    EXPECT_EQ(output.verdict, held_back);
    EXPECT_EQ(output.fate, Fate::dropped);
    auto const held = keeper().take();
    ASSERT_EQ(held.size(), 1U);
    EXPECT_PRED_FORMAT2(same_frame, frame_of(held[0]), sent[2]);
    EXPECT_EQ(held[0].ifindex, Datapath::ingress_ifindex);
    EXPECT_EQ(held[0].tag, 0U);
    EXPECT_GT(held[0].time_ns, 0U);
}

TEST_P(HeldFragments, FollowTheFirstOneWhenTheyComeBackAfterIt) {
    auto const sent = fragments();
    expect_verdict(sent[2], held_back);
    expect_verdict(sent[1], held_back);
    auto const first = scene().send(sent[0]);
    auto const held = keeper().take();
    ASSERT_EQ(held.size(), 2U);
    for (auto const& fragment : held) {
        auto const output = scene().send(frame_of(fragment));
        EXPECT_EQ(output.verdict, std::uint32_t{PM_FORWARD_TO_BACKEND});
        EXPECT_TRUE(std::equal(output.frame.begin(), output.frame.begin() + 12, first.frame.begin()));
    }
    EXPECT_TRUE(keeper().take().empty());
}

TEST_P(HeldFragments, OfAHostThatSentSomeToAnotherServiceAreNotTakenForThose) {
    auto packet = with_payload(client_datagram(4000), 3 * size);
    packet.destination_port = 53;
    packet.identification = 76;
    packet.fragment = 0;
    expect_verdict(fragments_of(packet, size)[0], PM_FORWARD_TO_BACKEND);
    expect_verdict(fragments()[2], held_back);
}

TEST_P(HeldFragments, WhoseFirstOneIsNotWaitedForAnyMoreAreDecidedWithoutIt) {
    auto const sent = fragments();
    expect_verdict(sent[2], held_back);
    keeper().settle(keeper().take().at(0).key);
    expect_verdict(sent[2], ended);
    expect_verdict(sent[1], ended);
    EXPECT_TRUE(keeper().take().empty());
    expect_verdict(sent[0], PM_FORWARD_TO_BACKEND); // which settles it otherwise
    expect_verdict(sent[1], PM_FORWARD_TO_BACKEND);
}

TEST_P(HeldFragments, ThatCameAloneFollowTheLastFragmentedPacketOfTheirHosts) {
    expect_verdict(fragments(76)[0], PM_FORWARD_TO_BACKEND);
    auto const sent = fragments();
    expect_verdict(sent[2], held_back);
    keeper().settle(keeper().take().at(0).key);
    expect_verdict(sent[2], PM_FORWARD_TO_BACKEND);
}

TEST_P(HeldFragments, AreAsManyAsTheDaemonGrants) {
    keeper().grant(2);
    for (std::uint16_t identification = 1; identification < 6; ++identification)
        expect_verdict(fragments(identification)[2], identification < 3 ? held_back : ended);
    EXPECT_EQ(keeper().take().size(), 2U);
    keeper().grant(1);
    expect_verdict(fragments(6)[2], held_back);
}

TEST_P(HeldFragments, AreAsManyAsTheRingTakes) {
    constexpr std::uint16_t sent = 300;
    for (std::uint16_t identification = 1; identification <= sent; ++identification)
        (void)scene().send(fragments(identification)[2]);
    auto const counted = total(scene().datapath.programs().counters());
    EXPECT_EQ(counted.verdict[held_back], keeper().take().size());
    EXPECT_EQ(counted.verdict[held_back] + counted.verdict[ended], sent);
    EXPECT_GE(counted.verdict[held_back], 64U);
    EXPECT_TRUE(scene().events().empty());
}

TEST_P(HeldFragments, AreNoLongerThanALinkOfUsualLength) {
    constexpr std::size_t headers = 14 + 20;
    for (auto const length : {std::size_t{PM_HELD_FRAME} / 8 * 8, std::size_t{1480}}) {
        auto const frame = fragments(77, length)[1];
        expect_verdict(frame, length + headers > PM_HELD_FRAME ? ended : held_back);
    }
    auto const held = keeper().take();
    ASSERT_EQ(held.size(), 1U);
    EXPECT_PRED_FORMAT2(same_frame, frame_of(held[0]), fragments(77, 1480)[1]);
}

TEST_P(HeldFragments, AreOnlyThoseThatMayBeForAService) {
    auto packet = with_payload(client_datagram(4000), 3 * size);
    packet.fragment = 0;
    packet.destination = Address::v4(0x0a'4d'00'63); // nobody's
    expect_verdict(fragments_of(packet, size)[2], PM_PASS_FRAGMENT);
    packet.destination = web_address;
    packet.source = Address::v4(0x7f'00'00'01);
    expect_verdict(fragments_of(packet, size)[2], ended);
    packet.source = client_address;
    packet.protocol = Protocol::tcp;
    expect_verdict(fragments_of(packet, size)[2], PM_PASS_FRAGMENT);
}

TEST_P(HeldFragments, AreThoseOfEveryWayInBothFamilies) {
    std::uint16_t identification = 77;
    for (auto const& way : all_ways()) {
        publish(scene(), way);
        auto packet = with_payload(packet_of(way, ack), 3 * size);
        packet.identification = ++identification;
        packet.fragment = 0;
        auto const sent = fragments_of(packet, size);
        expect_verdict(sent[2], held_back);
        auto const held = keeper().take();
        ASSERT_EQ(held.size(), 1U) << name_of(way);
        EXPECT_PRED_FORMAT2(same_frame, frame_of(held[0]), sent[2]) << name_of(way);
    }
}

TEST_P(HeldFragments, OfAnAddressThatTheHostSharesAreTheHostsWhenTheyCameAlone) {
    world().network.own.insert(web_address);
    scene().publish();
    auto const sent = fragments();
    expect_verdict(sent[2], held_back);
    keeper().settle(keeper().take().at(0).key);
    expect_verdict(sent[2], PM_PASS_FRAGMENT);
    expect_verdict(sent[0], PM_FORWARD_TO_BACKEND);
    expect_verdict(sent[2], PM_FORWARD_TO_BACKEND);
}

TEST_P(HeldFragments, AreNotThoseWhoseFirstOneWasTheHosts) {
    world().network.own.insert(web_address);
    scene().publish();
    expect_verdict(fragments(76)[0], PM_FORWARD_TO_BACKEND); // by which others of these hosts would go
    auto packet = with_payload(client_datagram(4000), 3 * size);
    packet.destination_port = 123;
    packet.fragment = 0;
    packet.identification = 77;
    auto const sent = fragments_of(packet, size);
    expect_verdict(sent[0], PM_PASS_NOT_OURS);
    expect_verdict(sent[1], PM_PASS_FRAGMENT);
    expect_verdict(sent[2], PM_PASS_FRAGMENT);
}

TEST_P(HeldFragments, MayBeAnswersToANatAddress) {
    Way const way{Protocol::udp};
    publish(scene(), way);
    establish(scene(), way);
    auto packet = with_payload(answer_of(scene(), way), 3 * size);
    packet.fragment = 0;
    auto const sent = fragments_of(packet, size);
    expect_verdict(sent[2], held_back);
    expect_verdict(sent[0], PM_FORWARD_TO_CLIENT);
    expect_verdict(frame_of(keeper().take().at(0)), PM_FORWARD_TO_CLIENT);
}

POINTSMAN_BOTH_HOOKS(HeldFragments);

} // namespace
} // namespace pointsman::test
