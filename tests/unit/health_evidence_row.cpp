#include "healthcheck/evidence_row.hpp"

#include <gtest/gtest.h>

namespace pointsman {
namespace {

using namespace std::chrono_literals;
using enum MeasuredState;
using enum OutcomeCode;

constexpr HealthPolicy policy{.rise = 2, .fall = 20};

class Row : public testing::Test {
protected:
    /// One more probe, a second after the last one, as the state machine takes it. @return whether it
    /// decided.
    bool take(Outcome const& outcome) {
        auto const step = on_outcome(state, outcome.code, policy, wishes_of(outcome));
        row.take(std::exchange(state, step.state), step.transition.has_value(), at += 1s, outcome, policy);
        return step.transition.has_value();
    }

    std::vector<OutcomeCode> codes() const {
        std::vector<OutcomeCode> out;
        for (auto const& probe : row.probes())
            out.push_back(probe.outcome.code);
        return out;
    }

    HealthState state{.state = up};
    EvidenceRow::TimePoint at{};
    EvidenceRow row;
};

TEST_F(Row, HoldsWhatSpeaksAgainstTheStateUntilSomethingConfirmsIt) {
    take({L4CON});
    take({L4TOUT});
    EXPECT_EQ(codes(), (std::vector{L4CON, L4TOUT}));
    EXPECT_EQ(row.from(), HealthState{.state = up});
    EXPECT_EQ(row.first_failure(), EvidenceRow::TimePoint{1s});
    take({L7OK});
    EXPECT_EQ(codes(), std::vector<OutcomeCode>{});
    EXPECT_EQ(row.first_failure(), std::nullopt);
}

TEST_F(Row, OfALongOneTheOldestAreLeftOutAndTheStateTheyLedToIsWhereItBegins) {
    for (unsigned i = 0; i < EvidenceRow::limit + 3; ++i)
        EXPECT_FALSE(take({L4CON}));
    EXPECT_TRUE(take({L4TOUT}));
    EXPECT_EQ(row.probes().size(), EvidenceRow::limit);
    EXPECT_EQ(row.probes().back().outcome.code, L4TOUT);
    EXPECT_EQ(row.from().failed_in_row, 4U);
    EXPECT_EQ(row.first_failure(), EvidenceRow::TimePoint{1s}) << "however long ago";
    row.end();
    EXPECT_TRUE(row.probes().empty());
}

TEST_F(Row, AWishThatDecidesIsInItThoughTheProbePassed) {
    EXPECT_TRUE(take({.code = L7OK, .asks = AdminState::drain}));
    EXPECT_EQ(codes(), std::vector{L7OK});
    row.end();
    take({.code = L7OK, .asks = AdminState::drain});
    EXPECT_TRUE(row.probes().empty()) << "it confirms what is known";
}

TEST_F(Row, OfATargetAtRestOnlyWhatEndsTheRestIsInIt) {
    EXPECT_TRUE(take({.code = L7STS, .asks = AdminState::maint}));
    row.end();
    take({.code = L7OK, .asks = AdminState::maint});
    EXPECT_TRUE(row.probes().empty());
    EXPECT_TRUE(take({L4CON}));
    EXPECT_EQ(codes(), std::vector{L4CON});
}

} // namespace
} // namespace pointsman
