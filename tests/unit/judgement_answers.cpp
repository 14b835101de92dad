// What an audit trail has to hold of findings that changed no state, for the rules to be applied again.
#include "tests/unit/judgement.hpp"

#include <random>

namespace pointsman {
namespace {

using enum MeasuredState;

TEST_F(JudgementTest, WhoFellSilentSinceTheLastFallIsToldOnce) {
    add_service("web", 3);
    all_up();
    EXPECT_EQ(judgement.take_answers(), Answers{});
    BackendKey const key{"web", "b1"};
    (void)judgement.note(key, {up, true, true}, clock);
    (void)judgement.note(key, {up, true, true}, clock);
    EXPECT_EQ(judgement.take_answers(), (Answers{{key}, {}, {}}));
    EXPECT_EQ(judgement.take_answers(), Answers{});
    (void)judgement.note(key, {up, false, false}, clock);
    EXPECT_EQ(judgement.take_answers(), (Answers{{}, {key}, {}}));
}

TEST_F(JudgementTest, WhoIsMetAfterOurLinkReturnedIsToldAsConfirmed) {
    add_service("web", 3);
    all_up();
    BackendKey const key{"web", "b1"};
    judgement.cut_off({key}, clock);
    judgement.cut_off({}, clock);
    (void)judgement.note(key, {up, false, false}, clock);
    EXPECT_EQ(judgement.take_answers(), (Answers{{}, {}, {key}}));
}

/// One is told of every finding, the other of those that changed a state and of what take_answers() says.
class Twins : public JudgementTest {
protected:
    void happen(unsigned seed) {
        std::mt19937 random{seed};
        auto const below = [&](unsigned limit) { return static_cast<unsigned>(random() % limit); };
        clock += std::chrono::milliseconds{below(4) == 0 ? 40 + below(3000) : 1 + below(200)};
        BackendKey const key{below(3) == 0 ? "mail" : "web", "b" + std::to_string(1 + below(4))};
        switch (below(12)) {
        case 0:
            return cut_off(below(2) == 0 ? std::set<BackendKey>{key, {"web", "b1"}} : std::set<BackendKey>{});
        case 1: return rule_on(nullptr);
        default: break;
        }
        bool const fails = below(2) == 0;
        bool const silent = fails && below(4) != 0;
        auto const is = measured.contains(key) ? measured[key] : unknown;
        bool const moves = is == unknown || (fails == works(is) && below(2) == 0);
        if (moves)
            transition(key, {fails ? down : up, fails, silent});
        else
            (void)judgement.note(key, {is, fails, silent}, clock);
    }

    void transition(BackendKey const& key, Finding const& finding) {
        if (finding.measured == down) again.recall(judgement.take_answers(), clock);
        measured[key] = finding.measured;
        auto const alarm = judgement.note(key, finding, clock);
        ASSERT_EQ(again.note(key, finding, clock).has_value(), alarm.has_value());
        held += alarm.has_value();
        rule_on(&key.service);
    }

    void rule_on(std::string const* service) {
        judgement.update(rulings, service, measured, admin, clock);
        again.update(rulings_again, service, measured, admin, clock);
        ASSERT_EQ(rulings.of, rulings_again.of);
        ASSERT_EQ(rulings.next, rulings_again.next);
    }

    void cut_off(std::set<BackendKey> const& keys) {
        judgement.cut_off(keys, clock);
        again.cut_off(keys, clock);
    }

    Judgement again;
    Rulings rulings;
    Rulings rulings_again;
    unsigned held = 0;
};

TEST_F(Twins, FallsAreJudgedAlikeByWhatTheTrailHolds) {
    slow_start = 1s;
    half_life = 5s;
    add_service("web", 4);
    add_service("mail", 4, 3);
    again.assign(desired);
    for (unsigned seed = 0; seed < 20000 && !HasFatalFailure(); ++seed)
        happen(seed);
    EXPECT_GT(held, 20U) << "there was little to judge alike";
}

} // namespace
} // namespace pointsman
