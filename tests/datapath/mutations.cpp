#include "controller/datapath/verdicts.hpp"
#include "tests/datapath/packet_cases.hpp"

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <random>

/// Every packet of the packet table, broken at random, through both hooks: whatever comes meets exactly one
/// verdict, what passes is as it was, what is forwarded has right checksums if it came with such, and the
/// books are exact. POINTSMAN_MUTATIONS sets how many for each hook, POINTSMAN_SEED which.

namespace pointsman::test {
namespace {

std::uint64_t from_environment(char const* name, std::uint64_t otherwise) {
    auto const* value = std::getenv(name);
    return value ? std::strtoull(value, nullptr, 10) : otherwise;
}

/// Breaks frames.
class Mutator {
public:
    explicit Mutator(std::uint64_t seed) : random_{seed} {}

    [[nodiscard]] Frame mutated(Frame frame) {
        for (auto octets = below(4) + 1; octets > 0; --octets)
            change(frame[offset_in(frame)]);
        if (below(8) == 0) frame.resize(std::max<std::size_t>(shortest, below(frame.size() + 1)));
        if (below(16) == 0) frame.resize(frame.size() + below(64), static_cast<std::uint8_t>(below(256)));
        return below(2) == 0 ? with_right_checksums(std::move(frame)) : frame;
    }

private:
    /// The kernel makes no packet of less.
    static constexpr std::size_t shortest = ethernet_length + 1;
    /// Behind the MAC addresses and within the headers, mostly.
    static constexpr std::size_t headers = 110;

    [[nodiscard]] std::size_t below(std::size_t limit) { return random_() % limit; }
    [[nodiscard]] std::size_t offset_in(Frame const& frame) {
        auto const first = below(20) == 0 ? 0 : std::size_t{12};
        auto const end = below(10) == 0 ? frame.size() : std::min(frame.size(), headers);
        return first + below(end - first);
    }
    void change(std::uint8_t& octet) {
        static constexpr std::array<std::uint8_t, 12> telling{0,    1,    4,  6,  17, 0x7f,
                                                              0x80, 0xff, 44, 58, 60, 0x45};
        switch (below(3)) {
        case 0: octet = static_cast<std::uint8_t>(below(256)); break;
        case 1: octet = static_cast<std::uint8_t>(octet ^ 1U << below(8)); break;
        default: octet = telling[below(telling.size())];
        }
    }

    std::mt19937_64 random_;
};

class Mutations : public ::testing::TestWithParam<Hook> {
protected:
    void SetUp() override {
        static auto const why = why_not_here();
        if (!why.empty()) GTEST_SKIP() << why;
    }

    void expect_sound(Scene& scene, Frame const& sent, Arrival const& arrival) {
        if (scene.hook == Hook::tc && has_half_a_header(sent)) return;
        auto const output = scene.send(sent, arrival);
        ASSERT_TRUE(output.verdict) << describe(sent);
        ASSERT_NE(output.fate, Fate::unknown);
        ASSERT_TRUE(has_name(*output.verdict)) << *output.verdict;
        ASSERT_EQ(output.was_sent(),
                  *output.verdict >= PM_FORWARD_TO_BACKEND && *output.verdict < PM_DROP_MALFORMED);
        ASSERT_EQ(output.fate == Fate::dropped, ends_here(*output.verdict));
        if (output.fate == Fate::passed) {
            ASSERT_PRED_FORMAT2(same_frame, output.frame, sent);
        }
        if (output.was_sent() && has_valid_checksums(sent)) {
            ASSERT_TRUE(has_valid_checksums(output.frame))
                << "verdict " << *output.verdict << "\n sent: " << describe(sent)
                << "\n left: " << describe(output.frame);
        }
    }

    /// The kernel makes no such packet for tc.
    [[nodiscard]] static bool has_half_a_header(Frame const& frame) {
        auto const type = read_16(frame, 12);
        return (type == 0x0800 && frame.size() < ethernet_length + ipv4_length) ||
               (type == 0x86dd && frame.size() < ethernet_length + ipv6_length);
    }

    [[nodiscard]] static bool has_name(std::uint32_t verdict) {
        return std::ranges::find(verdict_names(), verdict, &VerdictName::number) != verdict_names().end();
    }
};

TEST_P(Mutations, MeetOneVerdictEach) {
    auto const seed = from_environment("POINTSMAN_SEED", 1);
    auto const cases = all_packet_cases();
    auto const each = from_environment("POINTSMAN_MUTATIONS", 100'000) / cases.size() + 1;
    Mutator mutator{seed};
    for (auto const& row : cases) {
        if (row.only.value_or(GetParam()) != GetParam()) continue;
        SCOPED_TRACE(row.name + ", POINTSMAN_SEED=" + std::to_string(seed));
        Scene scene{row.few_ports ? few_ports_datapath() : shared_datapath(), GetParam()};
        scene.world = web_world();
        scene.publish();
        auto const frame = row.arrange(scene);
        for (std::uint64_t i = 0; i < each; ++i)
            ASSERT_NO_FATAL_FAILURE(expect_sound(scene, mutator.mutated(frame), row.arrival));
        auto const counters = total(scene.datapath.programs().counters());
        ASSERT_EQ(std::accumulate(std::begin(counters.verdict), std::end(counters.verdict), std::uint64_t{0}),
                  counters.received);
    }
}

POINTSMAN_BOTH_HOOKS(Mutations);

} // namespace
} // namespace pointsman::test
