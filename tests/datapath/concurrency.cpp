#include "tests/datapath/many_flows.hpp"

#include <algorithm>
#include <barrier>
#include <numeric>
#include <pthread.h>
#include <set>
#include <thread>

/// Several CPUs open the same flows at the same moment.

namespace pointsman::test {
namespace {

constexpr std::uint32_t flows = 4000;
constexpr std::uint32_t flows_between_meetings = 8;

/// Ports are scarce, so that flows contend for them: 3 backends with 2000 each for 4000 flows.
DatapathOptions scarce_ports() {
    auto options = small_options();
    options.sessions = 65536; // plenty: what is missing afterwards was not evicted
    options.nat_port_first = 30000;
    options.nat_port_last = 31999;
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

    /// All threads open all flows; they wait for each other now and then, to stay at the same flow.
    void open_all_flows_on(unsigned threads) {
        std::barrier meeting{static_cast<std::ptrdiff_t>(threads)};
        std::vector<std::jthread> running;
        for (unsigned thread = 0; thread < threads; ++thread)
            running.emplace_back([this, thread, &meeting] {
                run_on_cpu(thread % std::max(1U, std::thread::hardware_concurrency()));
                auto const hook = thread % 2 == 0 ? Hook::xdp : Hook::tc;
                for (std::uint32_t flow = 0; flow < flows; ++flow) {
                    if (flow % flows_between_meetings == 0) meeting.arrive_and_wait();
                    auto frame = encode(packet_of(flow));
                    (void)run_program(datapath_->programs().fd(hook), hook, frame);
                }
            });
    }

    std::unique_ptr<Datapath> datapath_;
};

TEST_P(Concurrency, EveryFlowHasOneSessionPerDirection) {
    open_all_flows_on(GetParam());
    auto const pairs = pairs_in(datapath_->tables().active_sessions(), flows);
    auto const counters = total(datapath_->programs().counters());
    for (std::uint32_t flow = 0; flow < flows; ++flow)
        EXPECT_TRUE(pairs[flow].is_whole())
            << "flow " << flow << " has " << pairs[flow].to_backend << " sessions to the backend, "
            << pairs[flow].to_client << " to the client, which "
            << (pairs[flow].agree ? "agree; " : "differ; ") << counters.verdict[PM_DROP_SESSIONS_FULL]
            << " packets found no place";
}

TEST_P(Concurrency, NoNatPortIsGivenTwiceTowardsABackend) {
    open_all_flows_on(GetParam());
    std::array<std::set<std::pair<std::uint32_t, std::uint16_t>>, 2> used;
    for (auto const& session : sessions_in(datapath_->tables().active_sessions()))
        EXPECT_TRUE(used[session.direction].emplace(session.backend, session.nat_port).second)
            << "backend " << session.backend << " direction " << unsigned{session.direction};
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
