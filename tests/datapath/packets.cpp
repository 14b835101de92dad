#include "controller/datapath/verdicts.hpp"
#include "tests/datapath/packet_cases.hpp"

#include <algorithm>
#include <numeric>

/// The packet table: every rule and every verdict, through both hooks.

namespace pointsman::test {

PacketCases all_packet_cases() {
    PacketCases all;
    for (auto const& cases :
         {passing_cases(), malformed_cases(), dropping_cases(), forwarding_cases(), way_cases(), vlan_cases(),
          header_cases(), source_cases(), fragment_cases(), checksum_cases(), icmp_error_cases(),
          ping_cases(), too_big_cases(), mss_cases(), traffic_class_cases()})
        all.insert(all.end(), cases.begin(), cases.end());
    return all;
}

DatapathOptions few_ports_options() {
    auto options = small_options();
    options.nat_port_first = 40000;
    options.nat_port_last = 40003;
    return options;
}

Datapath& few_ports_datapath() {
    static Datapath datapath{few_ports_options()};
    return datapath;
}

namespace {

struct HookAndCase {
    Hook hook;
    PacketCase packet_case;

    [[nodiscard]] std::string name() const {
        auto const* const summed = packet_case.arrival.is_summed ? "summed_by_the_nic_" : "";
        return std::string{name_of(hook)} + "_" + summed + packet_case.name;
    }
    friend std::ostream& operator<<(std::ostream& out, HookAndCase const& row) { return out << row.name(); }
};

std::vector<HookAndCase> both_hooks_of_all_cases() {
    std::vector<HookAndCase> all;
    for (auto const hook : {Hook::xdp, Hook::tc})
        for (auto const& packet_case : all_packet_cases())
            if (packet_case.only.value_or(hook) == hook) all.push_back({hook, packet_case});
    return all;
}

/// Frames on tc that the NIC summed up. What is turned into an answer goes back to the wire, where nobody
/// asks for the sum.
std::vector<HookAndCase> summed_cases() {
    std::vector<HookAndCase> all;
    for (auto packet_case : all_packet_cases()) {
        auto const verdict = packet_case.verdict;
        if (packet_case.is_never_summed || packet_case.only.value_or(Hook::tc) != Hook::tc ||
            verdict == PM_FORWARD_RESET || verdict == PM_FORWARD_TOO_BIG)
            continue;
        packet_case.arrival.is_summed = true;
        all.push_back({Hook::tc, packet_case});
    }
    return all;
}

/// Linux 6.12 and newer.
bool kernel_sums_up_frames() {
    auto frame = encode(client_packet(1));
    return run_program(shared_datapath().programs().fd(Hook::tc), Hook::tc, frame, {0, true}) !=
           Fate::unknown;
}

class PacketTable : public ::testing::TestWithParam<HookAndCase> {
protected:
    void SetUp() override {
        static auto const why = why_not_here();
        if (!why.empty()) GTEST_SKIP() << why;
        static auto const sums_up = kernel_sums_up_frames();
        if (GetParam().packet_case.arrival.is_summed && !sums_up)
            GTEST_SKIP() << "this kernel has no BPF_F_TEST_SKB_CHECKSUM_COMPLETE";
    }
};

/// A frame's source address tells by which interface it leaves.
Fate expected_fate(Hook hook, std::uint32_t verdict, Frame const& frame) {
    if (ends_here(verdict)) return Fate::dropped;
    if (verdict < PM_FORWARD_TO_BACKEND) return Fate::passed;
    auto const same_interface = std::equal(client_side_mac.begin(), client_side_mac.end(), frame.begin() + 6);
    return same_interface && hook == Hook::xdp ? Fate::sent_back : Fate::redirected;
}

TEST_P(PacketTable, MeetsItsVerdict) {
    auto const& [hook, row] = GetParam();
    Scene scene{row.few_ports ? few_ports_datapath() : shared_datapath(), hook};
    scene.world = web_world();
    scene.publish();
    auto const sent = row.arrange(scene);
    auto const output = scene.send(sent, row.arrival);
    EXPECT_EQ(output.verdict, row.verdict);
    EXPECT_EQ(output.fate, expected_fate(hook, row.verdict, output.frame));
    if (output.fate == Fate::passed) {
        EXPECT_PRED_FORMAT2(same_frame, output.frame, sent);
    }
    if (row.leaves) {
        EXPECT_PRED_FORMAT2(same_frame, output.frame, row.leaves(scene, *decode(sent)));
    }
    auto const counters = total(scene.datapath.programs().counters());
    EXPECT_EQ(std::accumulate(std::begin(counters.verdict), std::end(counters.verdict), std::uint64_t{0}),
              counters.received);
}

INSTANTIATE_TEST_SUITE_P(, PacketTable, ::testing::ValuesIn(both_hooks_of_all_cases()),
                         [](auto const& row) { return row.param.name(); });
INSTANTIATE_TEST_SUITE_P(Summed, PacketTable, ::testing::ValuesIn(summed_cases()),
                         [](auto const& row) { return row.param.name(); });

TEST(PacketCases, CoverEveryVerdict) {
    for (auto const& verdict : verdict_names()) {
        auto const cases = all_packet_cases();
        EXPECT_NE(std::ranges::find(cases, verdict.number, &PacketCase::verdict), cases.end())
            << verdict.name;
    }
}

} // namespace
} // namespace pointsman::test
