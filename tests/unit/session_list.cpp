// What `sessions` reads of the table.
#include "controller/datapath/session_list.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>

namespace pointsman {
namespace {

constexpr std::uint32_t now = 1'000'000;                     ///< jiffies
constexpr std::uint64_t opened_now = (9ULL << 32) + 500'000; ///< its low 32 bits have just wrapped
constexpr SessionClock clock_1khz{1000, opened_now};

class SessionListTest : public testing::Test {
protected:
    struct Entry {
        pm_session& session;
        std::uint32_t& tag;
        std::uint32_t& state;
        std::uint32_t& last_seen;
    };

    /// A living session of service 1, which the test then changes.
    Entry add(std::uint16_t client_port, std::uint32_t backend) {
        auto& set = table_[used_ / PM_SESSION_WAYS];
        auto const way = used_++ % PM_SESSION_WAYS;
        Session session{};
        session.client = to_abi(Address::v4(0x0a000001));
        session.client_port = htons(client_port);
        session.service_port = htons(80);
        session.nat_port = htons(2000);
        session.nat_address = 1;
        session.backend = static_cast<__u16>(backend);
        session.incarnation = 1;
        session.service = 1;
        session.protocol = 6;
        session.direction = PM_TO_BACKEND;
        set_opened(session, opened_now - 1'000'000); // 1.024 s ago
        session.tag = 100U + client_port;
        session.state = PM_SESSION_ANSWERED | PM_SESSION_ESTABLISHED;
        session.last_seen = now - 250;
        write_session(set, way, session);
        return {set.way[way], set.tag[way], set.state[way], set.last_seen[way]};
    }

    static void set_opened(pm_session& session, std::uint64_t opened) {
        session.opened_low = static_cast<std::uint32_t>(opened);
        session.opened_high = static_cast<std::uint16_t>(opened >> 32);
    }

    [[nodiscard]] SessionList list(SessionFilter const& filter) {
        std::vector<pm_backend> backends(4);
        for (auto& backend : backends)
            backend.service = 1;
        for (auto& backend : backends)
            backend.incarnation = 1;
        return list_sessions({SessionHalf{table_}, backends, services(), now}, filter, clock_1khz);
    }

    static std::vector<pm_service> services() {
        pm_service service{};
        service.idle_ticks = 60'000;
        service.half_open_ticks = 5'000;
        service.closing_ticks = 20'000;
        return {3, service};
    }

    std::vector<pm_session_set> table_ = std::vector<pm_session_set>(8);
    std::size_t used_ = 0;
};

TEST_F(SessionListTest, ShowsBothEndsAndTheTimes) {
    add(40000, 2);
    auto const found = list({.service = {}, .backend = {}, .limit = 10});
    ASSERT_EQ(found.total, 1U);
    EXPECT_EQ(found.sessions.front(), (ListedSession{{Address::v4(0x0a000001), 40000},
                                                     80,
                                                     1,
                                                     2,
                                                     1,
                                                     2000,
                                                     6,
                                                     "established",
                                                     std::chrono::milliseconds{250},
                                                     std::chrono::milliseconds{1024}}));
}

TEST_F(SessionListTest, CountsWhatItDoesNotList) {
    for (std::uint16_t port = 1; port <= 20; ++port)
        add(port, 1 + port % 2);
    EXPECT_EQ(list({.service = {}, .backend = {}, .limit = 0}).total, 20U);
    auto const some = list({.service = {}, .backend = 2, .limit = 3});
    EXPECT_EQ(some.total, 10U);
    EXPECT_EQ(some.sessions.size(), 3U);
    EXPECT_EQ(list({.service = 2, .backend = {}, .limit = 10}).total, 0U);
}

TEST_F(SessionListTest, LeavesOutWhatIsOverAndTheWayBack) {
    add(1, 1).state |= PM_SESSION_CLOSED;
    add(2, 1).state |= PM_SESSION_CUT;
    add(3, 1).session.incarnation = 7;
    add(4, 1).last_seen = now - 70'000;
    add(5, 1).session.direction = PM_TO_CLIENT;
    add(6, 1).tag = PM_TAG_CLAIMED;
    EXPECT_EQ(list({.service = {}, .backend = {}, .limit = 10}).total, 0U);
}

TEST_F(SessionListTest, EachStateHasItsIdleTime) {
    add(1, 1).last_seen = now - 60'000;
    auto half_open = add(2, 1);
    half_open.state = PM_SESSION_ANSWERED;
    half_open.last_seen = now - 5'001;
    auto closing = add(3, 1);
    closing.state |= PM_SESSION_FIN_CLIENT;
    closing.last_seen = now - 20'001;
    EXPECT_EQ(list({.service = {}, .backend = {}, .limit = 10}).total, 1U);
    ++half_open.last_seen;
    ++closing.last_seen;
    EXPECT_EQ(list({.service = {}, .backend = {}, .limit = 10}).total, 3U);
}

TEST_F(SessionListTest, AnAgeOfWeeksIsShownWhole) {
    auto const weeks = std::chrono::weeks{3};
    auto const units = static_cast<std::uint64_t>(std::chrono::nanoseconds{weeks}.count()) >> 10;
    set_opened(add(1, 1).session, opened_now - units);
    auto const found = list({.service = {}, .backend = {}, .limit = 10});
    ASSERT_EQ(found.sessions.size(), 1U);
    EXPECT_EQ(std::chrono::round<std::chrono::seconds>(found.sessions.front().age), weeks);
}

TEST_F(SessionListTest, NamesStates) {
    EXPECT_EQ(session_state_name(0), "embryonic");
    EXPECT_EQ(session_state_name(PM_SESSION_ANSWERED), "embryonic");
    EXPECT_EQ(session_state_name(PM_SESSION_ANSWERED | PM_SESSION_ESTABLISHED), "established");
    EXPECT_EQ(session_state_name(PM_SESSION_ESTABLISHED | PM_SESSION_FIN_CLIENT), "closing");
    EXPECT_EQ(session_state_name(PM_SESSION_ESTABLISHED | PM_SESSION_CLOSED), "closed");
    EXPECT_EQ(session_state_name(PM_SESSION_CLOSED | PM_SESSION_CUT), "cut");
}

TEST_F(SessionListTest, ASessionThatIsNewerThanTheNewestTickIsNotIdle) {
    add(1, 1).last_seen = now + 3;
    auto const found = list({.service = {}, .backend = {}, .limit = 10});
    ASSERT_EQ(found.sessions.size(), 1U);
    EXPECT_EQ(found.sessions.front().idle.count(), 0);
}

} // namespace
} // namespace pointsman
