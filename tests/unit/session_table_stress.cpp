// The carry-over beside a program that moves the same sessions: session.h has the protocol that both follow.
#include "controller/datapath/session_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <random>
#include <set>
#include <stop_token>
#include <thread>
#include <vector>

namespace pointsman {
namespace {

using Half = std::vector<pm_session_set>;

struct Place {
    pm_session_set* set = nullptr;
    std::size_t way = 0;

    [[nodiscard]] std::atomic_ref<__u32> tag() const { return std::atomic_ref{set->tag[way]}; }
};

using Places = std::array<Place, 2 * PM_SESSION_WAYS>;

constexpr __u32 moved_by_program = 1; ///< last_seen of what the program wrote

Session session(std::uint32_t flow) {
    auto const hash = (std::uint64_t{flow} + 1) * 0x9e3779b97f4a7c15ULL;
    Session out{};
    out.tag = pm_session_tag(hash);
    out.hash_high = static_cast<__u32>(hash >> 32);
    out.state = PM_SESSION_ESTABLISHED;
    out.client.word[3] = flow;
    out.backend = 1;
    out.incarnation = 1;
    out.service = 1;
    return out;
}

Places places_of(Session const& session, Half& half) {
    auto const sets = static_cast<std::uint32_t>(half.size());
    Places places{};
    for (std::size_t way = 0; way < PM_SESSION_WAYS; ++way) {
        places[way] = {&half[pm_first_set(session.hash_high, sets)], way};
        places[PM_SESSION_WAYS + way] = {&half[pm_second_set(session.hash_high, sets)], way};
    }
    return places;
}

bool holds(Place const& place, Session const& session) {
    return place.tag().load() == session.tag && place.set->hash_high[place.way] == session.hash_high;
}

/// session_settle: the entry in the lowest place stays.
void settle(Places const& places, Session const& session) {
    bool survivor = false;
    for (auto const& place : places) {
        if (!holds(place, session)) continue;
        auto expected = session.tag;
        if (survivor) place.tag().compare_exchange_strong(expected, PM_TAG_EMPTY);
        survivor = true;
    }
}

/// What the program does for a packet of a flow: finds its session, or moves it here from the other half. It
/// takes the last empty place where the daemon takes the first, so that both often publish the same flow.
void receive_packet(Session session, Half& to) {
    auto const places = places_of(session, to);
    if (std::ranges::any_of(places, [&](auto const& place) { return holds(place, session); })) return;
    session.last_seen = moved_by_program;
    for (auto place = places.rbegin(); place != places.rend(); ++place) {
        __u32 empty = PM_TAG_EMPTY;
        if (!place->tag().compare_exchange_strong(empty, PM_TAG_CLAIMED)) continue;
        write_session(*place->set, place->way,
                      session); // session_publish: everything but the tag, then the tag
        settle(places, session);
        return;
    }
}

std::multiset<std::uint32_t> flows_of(Half const& half) {
    std::multiset<std::uint32_t> flows;
    for (auto const& set : half)
        for (std::size_t way = 0; way < PM_SESSION_WAYS; ++way)
            if (set.tag[way] != PM_TAG_EMPTY)
                flows.insert(set.tag[way] == PM_TAG_CLAIMED ? ~0U : set.way[way].client.word[3]);
    return flows;
}

std::vector<pm_backend> one_backend() {
    std::vector<pm_backend> backends(2);
    backends[1].incarnation = 1;
    backends[1].service = 1;
    return backends;
}

/// False when a stop was asked for before the value came.
bool wait_for(std::atomic<unsigned> const& value, unsigned wanted, std::stop_token const& stop = {}) {
    for (unsigned spins = 0; value.load() != wanted; ++spins) {
        if (stop.stop_requested()) return false;
        if (spins > 1000) std::this_thread::yield();
    }
    return true;
}

/// Rounds in which the daemon carries a half over while the program receives a packet of each of its flows.
/// Both start at the same moment.
class Rounds {
public:
    explicit Rounds(std::size_t sets)
        : sets_{sets}
        , daemon_{[this](std::stop_token stop) { carry_all(stop); }} {}

    void run(std::vector<std::uint32_t> const& flows, std::vector<std::uint32_t> const& packets) {
        from = to = Half(sets_);
        for (auto const flow : flows) {
            auto const places = places_of(session(flow), from);
            auto const place = std::ranges::find_if(
                places, [](auto const& candidate) { return candidate.tag() == PM_TAG_EMPTY; });
            if (place != places.end()) write_session(*place->set, place->way, session(flow));
        }
        ++started_;
        for (auto const flow : packets)
            receive_packet(session(flow), to);
        wait_for(finished_, started_);
    }

    Half from;
    Half to;
    CarryOver result;

private:
    void carry_all(std::stop_token const& stop) {
        auto const backends = one_backend();
        for (unsigned round = 1; wait_for(started_, round, stop); ++round) {
            result = carry_over(from, to, backends);
            finished_ = round;
        }
    }

    std::size_t sets_;
    std::atomic<unsigned> started_ = 0;
    std::atomic<unsigned> finished_ = 0;
    std::jthread daemon_; ///< last: ends before the rest does
};

/// Flows with two different candidate sets: eight places are never full here.
std::vector<std::uint32_t> some_flows(std::size_t count, std::size_t sets, std::mt19937& random) {
    std::set<std::uint32_t> flows;
    while (flows.size() < count) {
        auto const flow = static_cast<std::uint32_t>(random() >> 8);
        auto const hash_high = session(flow).hash_high;
        auto const number = static_cast<std::uint32_t>(sets);
        if (pm_first_set(hash_high, number) != pm_second_set(hash_high, number)) flows.insert(flow);
    }
    return {flows.begin(), flows.end()};
}

/// The daemon walks through the table from its first set to its last; packets that come in the opposite order
/// meet it at some flow in the middle of each round.
void run_rounds(std::size_t sets, std::size_t flow_count, unsigned count) {
    std::mt19937 random{1};
    Rounds rounds{sets};
    for (unsigned round = 0; round < count && !testing::Test::HasFailure(); ++round) {
        auto const flows = some_flows(flow_count, sets, random);
        auto packets = flows;
        std::ranges::sort(packets, std::greater{}, [&](std::uint32_t flow) {
            return pm_first_set(session(flow).hash_high, static_cast<std::uint32_t>(sets));
        });
        rounds.run(flows, packets);
        std::multiset<std::uint32_t> const expected{flows.begin(), flows.end()};
        EXPECT_EQ(flows_of(rounds.from), expected);
        EXPECT_EQ(flows_of(rounds.to), expected) << "round " << round;
        EXPECT_EQ(rounds.result.carried + rounds.result.present, flow_count);
        EXPECT_EQ(rounds.result.dropped + rounds.result.lost + rounds.result.closed, 0U);
    }
}

TEST(SessionTableStress, EveryFlowOfAFewEndsWithExactlyOneEntry) {
    run_rounds(64, 16, 8000);
}

TEST(SessionTableStress, EveryFlowOfManyEndsWithExactlyOneEntry) {
    run_rounds(4096, 400, 100);
}

} // namespace
} // namespace pointsman
