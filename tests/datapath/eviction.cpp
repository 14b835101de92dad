#include "tests/datapath/way.hpp"

#include <algorithm>

/// A full session table: what a new flow may replace, and what it never does.

namespace pointsman::test {
namespace {

constexpr Way one_session{Protocol::tcp, false, Forward::dsr};
constexpr std::uint32_t living = PM_SESSION_ANSWERED | PM_SESSION_ESTABLISHED;

class Eviction : public BothHooks {
protected:
    void SetUp() override {
        BothHooks::SetUp();
        if (IsSkipped()) return;
        publish(scene(), one_session);
        (void)scene().send(client_packet(9999)); // tells the time
        for (auto const& counters : scene().datapath.programs().counters())
            now_ = std::max(now_, static_cast<std::uint32_t>(counters.ticks));
        fill(living, 0);
    }

    /// Every place holds a flow of the service in this state, silent for so long (jiffies).
    void fill(std::uint32_t state, std::uint32_t silent) {
        for (std::size_t way = 0; way < PM_SESSION_WAYS; ++way)
            fill_way(way, state, silent);
    }
    /// The same for one place of each set.
    void fill_way(std::size_t way, std::uint32_t state, std::uint32_t silent) {
        for (auto& set : sessions()) {
            set.tag[way] = next_tag_++;
            set.hash_high[way] = 0;
            set.last_seen[way] = now_ - silent;
            set.state[way] = state;
            set.way[way] = {};
            set.way[way].service = 1;
            set.way[way].backend = 1;
        }
    }

    [[nodiscard]] SessionHalf sessions() { return scene().datapath.tables().active_sessions(); }
    [[nodiscard]] std::uint32_t idle() {
        return scene().datapath.tables().active_tables().services[1].idle_ticks + 2048;
    }

    [[nodiscard]] std::vector<std::uint32_t> tags() {
        std::vector<std::uint32_t> all;
        for (auto const& set : sessions())
            all.insert(all.end(), std::begin(set.tag), std::end(set.tag));
        return all;
    }

    struct Evicted {
        std::uint64_t closed = 0;
        std::uint64_t idle = 0;
        std::uint64_t embryonic = 0;

        friend bool operator==(Evicted const&, Evicted const&) = default;
        friend std::ostream& operator<<(std::ostream& out, Evicted const& evicted) {
            return out << evicted.closed << " closed, " << evicted.idle << " idle, " << evicted.embryonic
                       << " embryonic";
        }
    };

    /// A new flow replaces so many, which are all that goes.
    void expect_replaced(Evicted const& expected) {
        auto const before = tags();
        EXPECT_EQ(scene().send(client_packet(1234)).verdict, std::uint32_t{PM_FORWARD_TO_BACKEND});
        auto const counters = total(scene().datapath.programs().counters());
        EXPECT_EQ((Evicted{counters.evicted_closed, counters.evicted_idle, counters.evicted_embryonic}),
                  expected);
        std::uint64_t changed = 0;
        auto const after = tags();
        for (std::size_t i = 0; i < before.size(); ++i)
            changed += before[i] != after[i];
        EXPECT_EQ(changed, expected.closed + expected.idle + expected.embryonic);
    }

    /// Where the flow that was opened last is.
    [[nodiscard]] std::optional<std::size_t> way_of_new_flow() {
        for (auto& set : sessions())
            for (std::size_t way = 0; way < PM_SESSION_WAYS; ++way)
                if (auto const session = read_session(set, way))
                    if (from_abi(session->client) == client_address) return way;
        return std::nullopt;
    }

private:
    std::uint32_t now_ = 0;
    std::uint32_t next_tag_ = 1000;
};

TEST_P(Eviction, ALivingFlowIsNeverReplaced) {
    auto const before = tags();
    EXPECT_EQ(scene().send(client_packet(1234)).verdict, std::uint32_t{PM_DROP_SESSIONS_FULL});
    EXPECT_EQ(tags(), before);
    EXPECT_EQ(total(scene().datapath.programs().counters()).evicted_closed, 0U);
}

TEST_P(Eviction, ALivingFlowOfALongSilenceIsNeverReplaced) {
    fill(living, idle() - 2048);
    EXPECT_EQ(scene().send(client_packet(1234)).verdict, std::uint32_t{PM_DROP_SESSIONS_FULL});
}

TEST_P(Eviction, AClosedFlowIs) {
    fill(living | PM_SESSION_CLOSED, 0);
    expect_replaced({.closed = 1});
}

TEST_P(Eviction, AFlowThatWasCutCountsAsClosed) {
    fill(living | PM_SESSION_CUT, 0);
    expect_replaced({.closed = 1});
}

TEST_P(Eviction, AnIdleFlowIs) {
    fill(living, idle());
    expect_replaced({.idle = 1});
}

TEST_P(Eviction, AHalfOpenFlowIs) {
    fill(0, 0);
    expect_replaced({.embryonic = 1});
}

TEST_P(Eviction, AClosedFlowGoesBeforeAnIdleAndAHalfOpenOne) {
    fill_way(1, 0, 5);
    fill_way(2, living, idle());
    fill_way(3, living | PM_SESSION_CLOSED, 0);
    expect_replaced({.closed = 1});
    EXPECT_EQ(way_of_new_flow(), 3U);
}

TEST_P(Eviction, AnIdleFlowGoesBeforeAHalfOpenOne) {
    fill_way(1, 0, 5);
    fill_way(2, living, idle());
    expect_replaced({.idle = 1});
    EXPECT_EQ(way_of_new_flow(), 2U);
}

TEST_P(Eviction, AHalfOpenFlowGoesBeforeALivingOne) {
    fill_way(1, 0, 0);
    expect_replaced({.embryonic = 1});
    EXPECT_EQ(way_of_new_flow(), 1U);
}

TEST_P(Eviction, TheOldestOfEqualsGoesFirst) {
    for (std::size_t way = 0; way < PM_SESSION_WAYS; ++way)
        fill_way(way, 0, way == 2 ? 100 : 50);
    expect_replaced({.embryonic = 1});
    EXPECT_EQ(way_of_new_flow(), 2U);
}

TEST_P(Eviction, AFlowOfAServiceThatIsGoneIsIdle) {
    for (auto& set : sessions())
        for (auto& session : set.way)
            session.service = 9;
    fill_way(0, living, 2048);
    for (auto& set : sessions())
        set.way[0].service = 9;
    expect_replaced({.idle = 1});
}

TEST_P(Eviction, ANatFlowReplacesTwoSinceItsAnswersHaveASessionToo) {
    publish(scene(), {});
    fill(living | PM_SESSION_CLOSED, 0);
    expect_replaced({.closed = 2});
}

TEST_P(Eviction, ANatFlowThatFindsOnlyLivingOnesIsDropped) {
    publish(scene(), {});
    fill(living, 0);
    EXPECT_EQ(scene().send(client_packet(1234)).verdict, std::uint32_t{PM_DROP_SESSIONS_FULL});
}

POINTSMAN_BOTH_HOOKS(Eviction);

} // namespace
} // namespace pointsman::test
