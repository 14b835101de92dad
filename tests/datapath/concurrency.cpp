#include "tests/datapath/many_flows.hpp"

#include <algorithm>
#include <barrier>
#include <numeric>
#include <pthread.h>
#include <set>
#include <thread>

/// Several CPUs open flows at the same moment: the same ones, or such as want the same NAT port.

namespace pointsman::test {
namespace {

constexpr std::uint32_t flows = 4000;
constexpr std::uint32_t flows_between_meetings = 8;
constexpr std::uint32_t nat_ports = 2000;
/// So few that no NAT port is so scarce that a half-open flow loses its own.
constexpr std::uint32_t flows_of_each = 500;
constexpr std::uint32_t others = 50'000; ///< from here on another client's

/// Ports are scarce, so that flows contend for them: 3 backends with 2000 each for 4000 flows.
DatapathOptions scarce_ports() {
    auto options = small_options();
    options.sessions = 65536; // plenty: what is missing afterwards was not evicted
    options.nat_port_first = 30000;
    options.nat_port_last = options.nat_port_first + nat_ports - 1;
    return options;
}

void run_on_cpu(unsigned cpu) {
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(cpu, &cpus);
    ::pthread_setaffinity_np(::pthread_self(), sizeof(cpus), &cpus);
}

class Concurrency : public ::testing::TestWithParam<unsigned> {
protected:
    void SetUp() override {
        if (auto const why = why_not_here(); !why.empty()) GTEST_SKIP() << why;
        datapath_ = std::make_unique<Datapath>(scarce_ports());
        datapath_->commit(web_world().plan({}).next);
    }

    void open_all_flows_on(unsigned threads) {
        open_on(threads, flows, [](unsigned, std::uint32_t number) { return number; });
    }

    /// Each thread has flows of its own, of ports so far apart that a NAT port is the first choice of one
    /// flow of each.
    static std::uint32_t own_flow(unsigned thread, std::uint32_t number) {
        return thread * nat_ports + number;
    }

    /// They wait for each other now and then, to stay at the same number.
    template<typename FlowOf>
    void open_on(unsigned threads, std::uint32_t count, FlowOf const& flow_of) {
        std::barrier meeting{static_cast<std::ptrdiff_t>(threads)};
        std::vector<std::jthread> running;
        for (unsigned thread = 0; thread < threads; ++thread)
            running.emplace_back([this, thread, count, &flow_of, &meeting] {
                run_on_cpu(thread % std::max(1U, std::thread::hardware_concurrency()));
                auto const hook = thread % 2 == 0 ? Hook::xdp : Hook::tc;
                for (std::uint32_t number = 0; number < count; ++number) {
                    auto frame = encode(packet_of(flow_of(thread, number)));
                    if (number % flows_between_meetings == 0) meeting.arrive_and_wait();
                    (void)run_program(datapath_->programs().fd(hook), hook, frame);
                }
            });
    }

    void expect_no_nat_port_twice() {
        std::array<std::set<std::pair<std::uint32_t, std::uint16_t>>, 2> used;
        for (auto const& session : sessions_in(datapath_->tables().active_sessions())) {
            if (session.state & PM_SESSION_CLOSED) continue; // perhaps another flow has it by now
            EXPECT_TRUE(used[session.direction].emplace(session.backend, session.nat_port).second)
                << "backend " << session.backend << " direction " << unsigned{session.direction};
        }
    }

    void expect_no_packet_lost() {
        auto const counters = total(datapath_->programs().counters());
        EXPECT_EQ(counters.verdict[PM_DROP_SESSIONS_FULL], 0U);
        EXPECT_EQ(counters.verdict[PM_DROP_PORTS_EXHAUSTED], 0U);
    }

    void expect_whole(Pair const& pair, std::uint32_t flow) {
        EXPECT_TRUE(pair.is_whole()) << "flow " << flow << " has " << pair.to_backend
                                     << " sessions to the backend, " << pair.to_client
                                     << " to the client, which " << (pair.agree ? "agree; " : "differ; ")
                                     << total(datapath_->programs().counters()).verdict[PM_DROP_SESSIONS_FULL]
                                     << " packets found no place";
    }

    /// Of flows that each thread opened alone, from this number on.
    void expect_whole_pairs(std::uint32_t first, unsigned threads) {
        auto const pairs = pairs_in(datapath_->tables().active_sessions(), first + threads * nat_ports);
        for (unsigned thread = 0; thread < threads; ++thread)
            for (auto number = first; number < first + flows_of_each; ++number)
                expect_whole(pairs[own_flow(thread, number)], own_flow(thread, number));
    }

    std::unique_ptr<Datapath> datapath_;
};

TEST_P(Concurrency, EveryFlowHasOneSessionPerDirection) {
    open_all_flows_on(GetParam());
    auto const pairs = pairs_in(datapath_->tables().active_sessions(), flows);
    for (std::uint32_t flow = 0; flow < flows; ++flow)
        expect_whole(pairs[flow], flow);
}

TEST_P(Concurrency, NoNatPortIsGivenTwiceTowardsABackend) {
    open_all_flows_on(GetParam());
    expect_no_nat_port_twice();
}

TEST_P(Concurrency, FlowsThatWantOneNatPortGetDifferentOnes) {
    open_on(GetParam(), flows_of_each, own_flow);
    expect_no_nat_port_twice();
    expect_whole_pairs(0, GetParam());
    expect_no_packet_lost();
}

TEST_P(Concurrency, FlowsThatWantTheNatPortOfAClosedOneGetDifferentOnes) {
    for (auto const flags : {syn, rst})
        for (std::uint32_t flow = 0; flow < nat_ports; ++flow) {
            auto frame = encode(packet_of(flow, flags));
            (void)run_program(datapath_->programs().fd(Hook::xdp), Hook::xdp, frame);
        }
    open_on(GetParam(), flows_of_each,
            [](unsigned thread, std::uint32_t number) { return own_flow(thread, others + number); });
    expect_no_nat_port_twice();
    expect_whole_pairs(others, GetParam());
    expect_no_packet_lost();
}

TEST_P(Concurrency, NoEntryStaysClaimed) {
    open_all_flows_on(GetParam());
    for (auto const& set : datapath_->tables().active_sessions())
        for (auto const tag : set.tag)
            EXPECT_NE(tag, PM_TAG_CLAIMED);
}

TEST_P(Concurrency, EveryPacketIsCountedOnce) {
    open_all_flows_on(GetParam());
    auto const counters = total(datapath_->programs().counters());
    EXPECT_EQ(counters.received, std::uint64_t{GetParam()} * flows);
    EXPECT_EQ(std::accumulate(std::begin(counters.verdict), std::end(counters.verdict), std::uint64_t{0}),
              counters.received);
}

INSTANTIATE_TEST_SUITE_P(, Concurrency, ::testing::Values(2U, 4U),
                         [](auto const& threads) { return std::to_string(threads.param) + "_threads"; });

} // namespace
} // namespace pointsman::test
