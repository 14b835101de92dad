#include "controller/datapath/session_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <set>
#include <vector>

namespace pointsman {

/// So that a failed comparison shows the counts.
static void PrintTo(CarryOver const& result, std::ostream* out) {
    *out << result.carried << " carried, " << result.present << " present, " << result.dropped << " dropped, "
         << result.lost << " lost, " << result.closed << " closed";
}

namespace {

using Half = std::vector<pm_session_set>;

/// Backends 1 to 3 of service 1, in incarnations 11 to 13; 0 is none.
std::vector<pm_backend> three_backends() {
    std::vector<pm_backend> backends(4);
    for (std::uint32_t id = 1; id <= 3; ++id) {
        backends[id].service = 1;
        backends[id].incarnation = 10 + id;
    }
    return backends;
}

/// A session of flow number `flow`, established on a backend.
Session session(std::uint64_t flow, std::uint32_t backend = 1) {
    auto const hash = (flow + 1) * 0x9e3779b97f4a7c15ULL;
    Session out{};
    out.tag = pm_session_tag(hash);
    out.hash_high = static_cast<__u32>(hash >> 32);
    out.state = PM_SESSION_ESTABLISHED;
    out.client.word[3] = static_cast<__u32>(flow);
    out.backend = static_cast<__u16>(backend);
    out.incarnation = 10 + backend;
    out.service = 1;
    return out;
}

Session with_state(Session session, __u32 state) {
    session.state = state;
    return session;
}

/// Puts a session into an empty place of its first or second candidate set. False when there is none.
bool put(Half& half, Session const& session, bool second = false) {
    auto const sets = static_cast<std::uint32_t>(half.size());
    auto& set = half[second ? pm_second_set(session.hash_high, sets) : pm_first_set(session.hash_high, sets)];
    auto* const empty = std::find(std::begin(set.tag), std::end(set.tag), PM_TAG_EMPTY);
    if (empty == std::end(set.tag)) return false;
    write_session(set, static_cast<std::size_t>(empty - set.tag), session);
    return true;
}

std::vector<Session> all_of(Half& half) {
    std::vector<Session> sessions;
    for (auto& set : half)
        for (std::size_t way = 0; way < PM_SESSION_WAYS; ++way)
            if (auto const session = read_session(set, way)) sessions.push_back(*session);
    return sessions;
}

std::multiset<std::uint32_t> flows_of(Half& half) {
    std::multiset<std::uint32_t> flows;
    for (auto const& each : all_of(half))
        flows.insert(each.client.word[3]);
    return flows;
}

bool same_octets(Half const& a, Half const& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(pm_session_set)) == 0;
}

constexpr std::uint32_t idle_ticks = 1000;

SessionCounts count(Half& half, std::uint32_t now = 0) {
    pm_service service{};
    service.idle_ticks = service.half_open_ticks = service.closing_ticks = idle_ticks;
    return count_sessions({half, three_backends(), {pm_service{}, service}, now});
}

class SessionTable : public testing::Test {
protected:
    CarryOver carry() { return carry_over(from, to, backends); }

    std::vector<pm_backend> backends = three_backends();
    Half from{64};
    Half to{64};
};

TEST_F(SessionTable, CarryOverCopiesAValidSessionToTheOctet) {
    auto original = session(7);
    original.last_seen = 1;
    original.nat_port = 2;
    original.direction = PM_TO_CLIENT;
    original.opened_low = 3;
    put(from, original);
    EXPECT_EQ(carry(), (CarryOver{.carried = 1}));
    ASSERT_EQ(all_of(to).size(), 1U);
    EXPECT_EQ(std::memcmp(&all_of(to)[0], &original, sizeof(original)), 0);
}

TEST_F(SessionTable, CarryOverLeavesTheOldHalfAsItIs) {
    put(from, session(1));
    put(from, session(2, 2));
    auto const before = from;
    EXPECT_EQ(carry(), (CarryOver{.carried = 2}));
    EXPECT_TRUE(same_octets(from, before));
}

TEST_F(SessionTable, CarryOverLeavesBehindWhatIsNotValidAnyMore) {
    auto other_service = session(3);
    other_service.service = 2;
    auto no_such_backend = session(4);
    no_such_backend.backend = 4;
    put(from, session(1));
    put(from, session(2, 2));
    put(from, other_service);
    put(from, no_such_backend);
    put(from, with_state(session(5), PM_SESSION_ESTABLISHED | PM_SESSION_CUT));
    ++backends[2].incarnation;
    EXPECT_EQ(carry(), (CarryOver{.carried = 1, .dropped = 4}));
    EXPECT_EQ(flows_of(to), (std::multiset<std::uint32_t>{1}));
}

TEST_F(SessionTable, CarryOverIgnoresEntriesThatAreEmptyOrBeingWritten) {
    auto claimed = session(1);
    claimed.tag = PM_TAG_CLAIMED;
    put(from, claimed);
    EXPECT_EQ(carry(), CarryOver{});
    EXPECT_TRUE(same_octets(to, Half(64)));
}

TEST_F(SessionTable, CarryOverNeverOverwritesWhatTheProgramMovedFirst) {
    put(from, session(1));
    put(from, session(2));
    auto newer = session(1);
    newer.last_seen = 99;
    for (bool const second : {false, true}) {
        to.assign(to.size(), {});
        put(to, newer, second);
        EXPECT_EQ(carry(), (CarryOver{.carried = 1, .present = 1}));
        EXPECT_EQ(flows_of(to), (std::multiset<std::uint32_t>{1, 2}));
        EXPECT_EQ(std::ranges::count(all_of(to), 99U, &Session::last_seen), 1);
    }
}

TEST_F(SessionTable, CarryOverTakesEmptyPlacesOnly) {
    from.assign(1, {});
    to.assign(1, {});
    for (std::uint64_t flow = 1; flow <= 3; ++flow)
        put(to, session(flow));
    auto claimed = session(4);
    claimed.tag = PM_TAG_CLAIMED;
    put(to, claimed);
    auto const before = to;
    put(from, session(5));
    EXPECT_EQ(carry(), (CarryOver{.lost = 1}));
    EXPECT_TRUE(same_octets(to, before));
}

TEST_F(SessionTable, LiveFlowsGetTheirPlacesBeforeClosedOnes) {
    from.assign(1, {});
    to.assign(1, {});
    for (std::uint64_t flow = 1; flow <= 2; ++flow)
        put(from, with_state(session(flow), PM_SESSION_ESTABLISHED | PM_SESSION_CLOSED));
    put(from, session(3));
    put(from, session(4));
    put(to, session(5)); // three places are left for two live flows and two closed ones
    EXPECT_EQ(carry(), (CarryOver{.carried = 2, .closed = 1}));
    EXPECT_EQ(flows_of(to), (std::multiset<std::uint32_t>{1, 3, 4, 5}));
}

TEST_F(SessionTable, TwoEntriesOfOneFlowArriveAsOne) {
    put(from, session(1));
    put(from, session(1), true);
    EXPECT_EQ(carry(), (CarryOver{.carried = 1, .present = 1}));
    EXPECT_EQ(flows_of(to), (std::multiset<std::uint32_t>{1}));
}

TEST_F(SessionTable, ASecondCarryOverFindsEverythingThere) {
    for (std::uint64_t flow = 1; flow <= 50; ++flow)
        put(from, session(flow));
    auto const first = carry();
    auto const after = to;
    EXPECT_EQ(carry(), (CarryOver{.present = first.carried}));
    EXPECT_TRUE(same_octets(to, after));
}

TEST_F(SessionTable, CarriesOverIntoATableOfAnotherSize) {
    to.assign(100, {});
    for (std::uint64_t flow = 1; flow <= 50; ++flow)
        put(from, session(flow));
    EXPECT_EQ(carry(), (CarryOver{.carried = 50}));
    for (auto const& each : all_of(to)) {
        Half again(100);
        put(again, each);
        EXPECT_EQ(carry_over(again, to, backends), (CarryOver{.present = 1})); // found in a candidate set
    }
}

TEST_F(SessionTable, ClearingLeavesNothing) {
    for (std::uint64_t flow = 1; flow <= 20; ++flow)
        put(to, session(flow));
    clear_sessions(to);
    EXPECT_TRUE(same_octets(to, Half(64)));
}

TEST_F(SessionTable, CountsTheOpenFlowsOfEachBackendOnce) {
    put(to, session(1, 1));
    put(to, session(2, 2));
    put(to, session(3, 2));
    auto reply = session(4, 2);
    reply.direction = PM_TO_CLIENT;
    put(to, reply);
    put(to, with_state(session(5, 2), PM_SESSION_CLOSED));
    put(to, with_state(session(6, 2), PM_SESSION_CUT));
    put(to, with_state(session(7, 3), 0));
    auto stale = session(8, 3);
    --stale.incarnation;
    put(to, stale);
    auto claimed = session(9, 1);
    claimed.tag = PM_TAG_CLAIMED;
    put(to, claimed);
    EXPECT_EQ(count(to), (SessionCounts{{1, 1}, {2, 2}, {3, 1}}));
}

TEST_F(SessionTable, AFlowThatWasSilentForLongerThanItsServiceAllowsIsNotCounted) {
    auto late = session(1, 1);
    late.last_seen = 0xffffff00; // jiffies wrap
    auto early = session(2, 2);
    early.last_seen = late.last_seen - 1;
    put(to, late);
    put(to, early);
    EXPECT_EQ(count(to, late.last_seen + idle_ticks), (SessionCounts{{1, 1}}));
    EXPECT_EQ(count(to, late.last_seen), (SessionCounts{{1, 1}, {2, 1}}));
    EXPECT_EQ(count(to, late.last_seen - 5),
              (SessionCounts{{1, 1}, {2, 1}})); // a packet came since the clock was read
}

/// The model: a map from flow to session, as it should be in the new half.
class SessionTableModel : public testing::TestWithParam<std::uint32_t> {};

TEST_P(SessionTableModel, RandomTablesArriveAsTheModelSays) {
    std::mt19937 random{GetParam()};
    auto const below = [&](unsigned limit) {
        return std::uniform_int_distribution<unsigned>{0, limit - 1}(random);
    };
    auto const backends = three_backends();
    Half from(256);
    Half to(256); // roomy: whatever is valid fits
    std::map<std::uint32_t, Session> model;
    CarryOver expected;
    SessionCounts open_flows;
    for (std::uint32_t flow = 0; flow < 300; ++flow) {
        auto entry = session(flow, 1 + below(3));
        if (below(5) == 0) ++entry.incarnation;
        if (below(5) == 0) entry.state |= PM_SESSION_CLOSED;
        if (below(9) == 0) entry.state |= PM_SESSION_CUT;
        auto const valid = entry.incarnation == 10U + entry.backend && !(entry.state & PM_SESSION_CUT);
        auto const closed = (entry.state & PM_SESSION_CLOSED) != 0;
        auto moved = entry;
        moved.last_seen = 1;
        auto const is_there = below(4) == 0 && put(to, moved, below(2) == 0);
        if (is_there) model[flow] = moved;
        if (put(from, entry, below(2) == 0)) {
            if (valid && !is_there) model[flow] = entry;
            ++(!valid     ? expected.dropped
               : closed   ? expected.closed
               : is_there ? expected.present
                          : expected.carried);
        }
        auto const known = model.find(flow);
        if (known != model.end() && valid && !closed) ++open_flows[entry.backend];
    }
    EXPECT_EQ(carry_over(from, to, backends), expected);
    std::map<std::uint32_t, Session> found;
    for (auto const& each : all_of(to))
        EXPECT_TRUE(found.emplace(each.client.word[3], each).second);
    ASSERT_EQ(found.size(), model.size());
    for (auto const& [flow, entry] : model)
        EXPECT_EQ(std::memcmp(&found[flow], &entry, sizeof(entry)), 0) << flow;
    EXPECT_EQ(count(to), open_flows);
}

INSTANTIATE_TEST_SUITE_P(Seeds, SessionTableModel, testing::Range(0U, 30U));

} // namespace
} // namespace pointsman
