#include "tests/datapath/icmp.hpp"

#include <numeric>

/// What is counted where: a packet at the interface that it came by, once.

namespace pointsman::test {
namespace {

class Counting : public BothHooks {
protected:
    /// Of one interface, on all CPUs.
    [[nodiscard]] pm_counters at(std::size_t link) {
        auto const all = scene().datapath.programs().counters();
        std::vector<pm_counters> of_link;
        for (auto i = link; i < all.size(); i += PM_COUNTED_LINKS)
            of_link.push_back(all[i]);
        return total(of_link);
    }

    /// All packets were counted at this interface, and under verdicts that add up.
    void expect_all_at(std::size_t link, std::uint64_t packets) {
        auto const counters = at(link);
        EXPECT_EQ(counters.received, packets);
        EXPECT_EQ(sum_of_verdicts(counters), packets);
        EXPECT_EQ(total(scene().datapath.programs().counters()).received, packets);
    }

    [[nodiscard]] static std::uint64_t sum_of_verdicts(pm_counters const& counters) {
        return std::accumulate(std::begin(counters.verdict), std::end(counters.verdict), std::uint64_t{0});
    }

    void use_links(std::vector<Link> links) {
        scene().generation.links = std::move(links);
        scene().recommit();
    }

    /// Jiffies at the last packet.
    [[nodiscard]] std::uint64_t now() {
        std::uint64_t latest = 0;
        for (auto const& counters : scene().datapath.programs().counters())
            latest = std::max<std::uint64_t>(latest, counters.ticks);
        return latest;
    }

    static constexpr auto lo = Datapath::ingress_ifindex;
};

TEST_P(Counting, APacketCountsAtTheInterfaceThatItCameBy) {
    (void)scene().establish(client_packet(1234));
    expect_all_at(lo, 3);
}

TEST_P(Counting, WhatPassesAndWhatIsDroppedCountsThereToo) {
    auto stranger = client_packet(1234);
    stranger.destination_port = 22;
    (void)scene().send(stranger);
    (void)scene().send(with_octet(encode(stranger), ethernet_length, 0x44));
    stranger.to = router_mac;
    (void)scene().send(stranger);
    expect_all_at(lo, 3);
    EXPECT_EQ(at(lo).verdict[PM_PASS_NOT_OURS], 1U);
    EXPECT_EQ(at(lo).verdict[PM_DROP_MALFORMED], 1U);
    EXPECT_EQ(at(lo).verdict[PM_PASS_OTHER_HOST], 1U);
}

TEST_P(Counting, InterfacesThatShareASlotAreCountedApart) {
    use_links({{lo + PM_LINK_SLOTS, client_side_mac}, {lo, client_side_mac}});
    (void)scene().open(client_packet(1234));
    expect_all_at(lo + 1, 1);
}

TEST_P(Counting, PacketsOfAnInterfaceThatIsNotListedAreCountedTogether) {
    use_links({{backend_side_ifindex, backend_side_mac}});
    (void)scene().send(client_packet(1234));
    expect_all_at(PM_LINK_SLOTS, 1);
}

TEST_P(Counting, APacketThatIsTooBigIsAnsweredOnceAJiffyAndCpu) {
    publish(scene(), {}, 1400);
    establish(scene(), {});
    auto const frame = encode(with_payload(packet_of({}, ack), 1361));
    constexpr std::uint64_t packets = 2000;
    auto const before = now();
    for (std::uint64_t i = 0; i < packets; ++i)
        (void)scene().send(frame);
    auto const counters = at(lo);
    auto const answered = counters.verdict[PM_FORWARD_TOO_BIG];
    auto const cpus = scene().datapath.programs().counters().size() / PM_COUNTED_LINKS;
    EXPECT_EQ(answered + counters.verdict[PM_DROP_TOO_BIG], packets);
    EXPECT_GE(answered, 1U);
    EXPECT_LE(answered, cpus * (now() - before + 1));
    EXPECT_GE(counters.verdict[PM_DROP_TOO_BIG], 1U);
}

POINTSMAN_BOTH_HOOKS(Counting);

} // namespace
} // namespace pointsman::test
