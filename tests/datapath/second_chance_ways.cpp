#include "tests/datapath/second_chances.hpp"

#include <sstream>

/// A second chance in each way of forwarding: every octet of what the next backend gets.

namespace pointsman::test {
namespace {

using std::chrono_literals::operator""ms;

struct HookAndWay {
    Hook hook;
    Way way;
    std::size_t tags = 0;

    friend std::ostream& operator<<(std::ostream& out, HookAndWay const& param) {
        return out << name_of(param.hook) << '_' << name_of(param.way)
                   << (param.tags == 0 ? "" : "_" + std::to_string(param.tags) + "_tags");
    }
};

class SecondChanceWays : public ::testing::TestWithParam<HookAndWay> {
protected:
    void SetUp() override {
        static auto const why = why_not_here();
        if (!why.empty()) GTEST_SKIP() << why;
        scene_ = std::make_unique<Scene>(shared_datapath(), GetParam().hook);
        scene_->world = world_with(3, way());
        scene_->publish();
    }
    void TearDown() override { scene_.reset(); }

    [[nodiscard]] Scene& scene() { return *scene_; }
    [[nodiscard]] static Way const& way() { return GetParam().way; }

    /// A SYN as a Linux client sends it, but for the timestamps.
    [[nodiscard]] static Packet first() {
        auto packet = with_tags(packet_of(way()), GetParam().tags);
        packet.flags = syn | 0xc0; // ECE and CWR: RFC 3168 section 6.1.1
        packet.ttl = 57;
        packet.tcp_options = {2, 4, 0x05, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7};
        return packet;
    }

    /// The backend that a frame goes to, by its MAC address.
    [[nodiscard]] static unsigned backend_of(Frame const& frame) { return frame.at(5); }

    /// As the backend `number` gets the client's packet by nat.
    [[nodiscard]] static Packet translated(Packet sent, unsigned number, std::uint16_t nat_port) {
        sent.to = backend_mac(number);
        sent.from = backend_side_mac;
        --sent.ttl;
        sent.destination = backend_address(number, way().v6);
        sent.destination_port = backend_port(number);
        if (way().source == Source::client) return sent;
        sent.source = way().v6 ? nat_address_v6 : nat_address;
        sent.source_port = nat_port;
        return sent;
    }

private:
    std::unique_ptr<Scene> scene_;
};

class UnansweredSyn : public SecondChanceWays {};
class RefusedSyn : public SecondChanceWays {};

TEST_P(UnansweredSyn, GoesToTheNextBackend) {
    auto const before = scene().open(first());
    auto const needed = way().is_nat() ? 260ms : 1510ms;
    age(scene(), needed - 20ms);
    EXPECT_EQ(scene().send(first()).verdict, std::uint32_t{PM_FORWARD_TO_BACKEND});
    age(scene(), 20ms);
    auto const output = scene().send(first());
    EXPECT_EQ(output.verdict, std::uint32_t{PM_FORWARD_SECOND_CHANCE});
    EXPECT_NE(backend_of(output.frame), before.backend());
    EXPECT_TRUE(has_valid_checksums(output.frame));
    if (!way().is_nat()) return;
    auto const nat_port = decode(output.frame).value().source_port;
    EXPECT_PRED_FORMAT2(same_frame, output.frame,
                        encode(translated(first(), backend_of(output.frame), nat_port)));
}

TEST_P(UnansweredSyn, IsFollowedByTheRestOfItsFlow) {
    auto const before = scene().open(first());
    age(scene(), 3000ms);
    auto const moved = scene().send(first());
    if (way().is_nat())
        (void)scene().send(Flow{first(), decode(moved.frame).value()}.from_backend(syn | ack));
    auto const next = scene().send(Flow{first(), before.forwarded}.from_client(ack));
    EXPECT_EQ(next.verdict, std::uint32_t{PM_FORWARD_TO_BACKEND});
    EXPECT_EQ(backend_of(next.frame), backend_of(moved.frame));
    age(scene(), 3000ms);
    EXPECT_EQ(scene().send(first()).verdict, std::uint32_t{PM_FORWARD_TO_BACKEND}) << "it is established";
}

/// All of the client's SYN but the IPv4 identification, which means nothing where nothing is fragmented.
TEST_P(RefusedSyn, IsAtTheNextBackendAtOnce) {
    auto const before = scene().open(first());
    auto const output = scene().send(refusal_of(before));
    EXPECT_EQ(output.verdict, std::uint32_t{PM_FORWARD_SECOND_CHANCE});
    ASSERT_NE(backend_of(output.frame), before.backend());
    auto expected = translated(first(), backend_of(output.frame), decode(output.frame).value().source_port);
    expected.identification = 0;
    EXPECT_PRED_FORMAT2(same_frame, output.frame, encode(expected));
}

TEST_P(RefusedSyn, IsThereWithAnyLengthOfOptions) {
    for (std::size_t length = 0; length <= 40; length += 4) {
        auto syn_ = first();
        syn_.source_port = static_cast<std::uint16_t>(2000 + length);
        syn_.tcp_options.assign(length, 1);
        for (std::size_t i = 0; i < length; ++i)
            syn_.tcp_options[i] = static_cast<std::uint8_t>(i * 37 + 1);
        auto const output = scene().send(refusal_of(scene().open(syn_)));
        EXPECT_EQ(output.verdict, std::uint32_t{PM_FORWARD_SECOND_CHANCE}) << length;
        auto expected = translated(syn_, backend_of(output.frame), decode(output.frame).value().source_port);
        expected.identification = 0;
        EXPECT_PRED_FORMAT2(same_frame, output.frame, encode(expected)) << length;
    }
}

TEST_P(RefusedSyn, ReachesItsClientByTheSameWayBack) {
    auto const before = scene().open(first());
    auto const output = scene().send(refusal_of(before));
    Flow const moved{first(), decode(output.frame).value()};
    auto answer = moved.from_backend(syn | ack);
    answer.ttl = 64;
    EXPECT_PRED_FORMAT2(same_frame, scene().send(answer).frame, encode(moved.at_client(answer)));
    auto const next = scene().send(Flow{first(), before.forwarded}.from_client(ack));
    EXPECT_EQ(backend_of(next.frame), backend_of(output.frame));
}

std::vector<HookAndWay> tcp_ways(bool nat_only) {
    std::vector<HookAndWay> out;
    for (auto const hook : {Hook::xdp, Hook::tc})
        for (auto const& way : all_ways()) {
            if (way.protocol != Protocol::tcp || (nat_only && !way.is_nat())) continue;
            out.push_back({hook, way});
            if (way.is_nat()) out.push_back({hook, way, 1});
        }
    return out;
}

std::string name(::testing::TestParamInfo<HookAndWay> const& info) {
    std::ostringstream name;
    name << info.param;
    return std::move(name).str();
}

INSTANTIATE_TEST_SUITE_P(, UnansweredSyn, ::testing::ValuesIn(tcp_ways(false)), name);
INSTANTIATE_TEST_SUITE_P(, RefusedSyn, ::testing::ValuesIn(tcp_ways(true)), name);

} // namespace
} // namespace pointsman::test
