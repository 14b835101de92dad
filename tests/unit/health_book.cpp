// Several checks of a backend, and what follows for the backend as a whole.
#include "controller/app/health_book.hpp"

#include <gtest/gtest.h>

namespace pointsman {
namespace {

using enum MeasuredState;
using enum OutcomeCode;

BackendKey const b1{"web", "b1"};

class Book : public testing::Test {
protected:
    Book() {
        Backend backend;
        backend.name = "b1";
        backend.address = Address::v4(0x0a000001);
        backend.port = 80;
        backend.more_checks.emplace_back();
        backend.more_checks[0].name = "deep";
        backend.more_checks[0].type = CheckType::http;
        Service service;
        service.name = "web";
        service.backends = {backend};
        desired.services = {service};
        book.assign(desired);
    }

    Backend& backend() { return desired.services[0].backends[0]; }

    /// One probe of the check at `index` of b1, after which its target is in `state`.
    std::vector<NotedProbe> note(std::size_t index, MeasuredState state) {
        auto const target = book.checks(b1)[index].target;
        Outcome const outcome{state == up ? L7OK : L7STS};
        return book.note({target, outcome, {.state = state}, {}, at += std::chrono::seconds{1}, {}, {}});
    }

    std::optional<Transition> transition_after(std::size_t index, MeasuredState state) {
        auto const noted = note(index, state);
        EXPECT_EQ(noted.size(), 1U);
        return noted.front().transition;
    }

    MeasuredState measured() const {
        auto const found = book.measured().find(b1);
        return found == book.measured().end() ? unknown : found->second;
    }

    DesiredState desired;
    HealthBook book;
    std::chrono::steady_clock::time_point at;
};

TEST_F(Book, ABackendIsUpOnceAllOfItsChecksHavePassed) {
    EXPECT_EQ(transition_after(0, up), std::nullopt);
    EXPECT_EQ(measured(), unknown);
    EXPECT_EQ(transition_after(1, up), (Transition{unknown, up}));
    EXPECT_EQ(measured(), up);
}

TEST_F(Book, ABackendIsDownWithTheFirstCheckThatIsAndNamesIt) {
    note(0, up);
    note(1, up);
    auto const noted = note(1, down);
    ASSERT_EQ(noted.size(), 1U);
    EXPECT_EQ(noted[0].check, "deep");
    EXPECT_EQ(noted[0].transition, (Transition{up, down}));
    EXPECT_EQ(transition_after(0, down), std::nullopt) << "down already";
    EXPECT_EQ(transition_after(1, up), std::nullopt) << "tcp still fails";
    EXPECT_EQ(transition_after(0, up), (Transition{down, up}));
}

TEST_F(Book, TheProbeThatTellsMostIsOfACheckThatIsDown) {
    note(1, down);
    note(0, up);
    EXPECT_EQ(book.last_probe(b1)->outcome.code, L7STS);
    note(1, up);
    note(0, up);
    EXPECT_EQ(book.last_probe(b1)->ended, at);
}

TEST_F(Book, AReloadKeepsTheStateOfACheckByItsName) {
    note(0, up);
    note(1, down);
    backend().more_checks[0].path = "/other";
    book.assign(desired);
    EXPECT_EQ(measured(), down);
    EXPECT_EQ(book.checks(b1)[0].health.state, up);
    EXPECT_EQ(book.checks(b1)[1].health.state, down);
    for (auto const& wanted : book.wanted({}))
        EXPECT_EQ(wanted.resume.state, wanted.target.check->type == CheckType::http ? down : up);
}

TEST_F(Book, ANewCheckStartsWithTheBackendsState) {
    note(0, up);
    note(1, up);
    backend().more_checks.emplace_back().name = "third";
    book.assign(desired);
    EXPECT_EQ(measured(), up);
    EXPECT_EQ(book.checks(b1)[2].health.state, up);
}

TEST_F(Book, ABackendAtAnotherAddressStartsAnew) {
    note(0, up);
    note(1, up);
    backend().address = Address::v4(0x0a000002);
    book.assign(desired);
    EXPECT_EQ(measured(), unknown);
}

TEST_F(Book, AForgottenBackendIsKnownAgainWithItsNextProbesThoughTheyChangeNothingElsewhere) {
    note(0, up);
    note(1, up);
    book.forget(b1);
    EXPECT_EQ(measured(), unknown);
    note(0, up);
    EXPECT_EQ(transition_after(1, up), (Transition{unknown, up}));
}

TEST_F(Book, EqualChecksOfTwoServicesAreOneProbe) {
    desired.services.push_back(desired.services[0]);
    desired.services[1].name = "other";
    desired.services[1].backends[0].more_checks.clear();
    book.assign(desired);
    EXPECT_EQ(book.wanted({}).size(), 2U);
    EXPECT_EQ(note(0, up).size(), 2U);
}

TEST_F(Book, ProgramsAreRunForEachBackendApart) {
    desired.services.push_back(desired.services[0]);
    desired.services[1].name = "other";
    for (auto& service : desired.services)
        service.backends[0].more_checks[0].type = CheckType::exec;
    book.assign(desired);
    EXPECT_EQ(book.wanted({}).size(), 3U);
}

TEST_F(Book, ABackendDrainsWhenOneCheckAsksForItAndNoneIsDown) {
    note(0, up);
    EXPECT_EQ(transition_after(1, draining), (Transition{unknown, draining}));
    EXPECT_EQ(transition_after(0, down), (Transition{draining, down}));
    EXPECT_EQ(transition_after(0, up), (Transition{down, draining}));
    EXPECT_EQ(transition_after(1, up), (Transition{draining, up}));
}

TEST_F(Book, ABackendRestsWhenOneCheckAsksForItWhateverTheOthersSay) {
    note(0, up);
    EXPECT_EQ(transition_after(1, resting), (Transition{unknown, resting}));
    EXPECT_EQ(transition_after(0, down), std::nullopt);
    EXPECT_EQ(transition_after(1, up), (Transition{resting, down}));
}

TEST_F(Book, OfSeveralAgentsTheLowestPercentageCounts) {
    auto const wish = [this](std::size_t index, std::optional<unsigned> percent) {
        auto const target = book.checks(b1)[index].target;
        HealthState const state{.state = up, .wishes = {.weight_percent = percent}};
        auto const noted =
            book.note({target, {.code = L7OK}, state, {}, at += std::chrono::seconds{1}, {}, {}});
        return std::pair{noted.front().percent_was, noted.front().percent};
    };
    using Percents = std::map<BackendKey, unsigned>;
    EXPECT_EQ(wish(0, {}), (std::pair<std::optional<unsigned>, std::optional<unsigned>>{}));
    EXPECT_EQ(book.percents(), Percents{});
    EXPECT_EQ(wish(0, 80), (std::pair{std::optional<unsigned>{}, std::optional{80U}}));
    EXPECT_EQ(wish(1, 50), (std::pair{std::optional<unsigned>{}, std::optional{50U}}));
    EXPECT_EQ(book.percents(), (Percents{{b1, 50}}));
    EXPECT_EQ(wish(1, 90), (std::pair{std::optional{50U}, std::optional{90U}}));
    EXPECT_EQ(book.percents(), (Percents{{b1, 80}}));
    EXPECT_EQ(book.forget_wishes(b1).size(), 2U);
    EXPECT_EQ(book.percents(), Percents{});
    EXPECT_TRUE(book.wish(b1, "deep", 7));
    EXPECT_EQ(book.percents(), (Percents{{b1, 7}}));
    EXPECT_FALSE(book.wish(b1, "none", 7));
}

TEST_F(Book, ABackendThatIsNewToAProbeKnowsWhatTheOthersKnow) {
    note(0, up);
    note(1, down);
    desired.services.push_back(desired.services[0]);
    desired.services[1].name = "other";
    desired.services[1].backends[0].more_checks.clear();
    book.assign(desired);
    EXPECT_EQ(book.measured().at({"other", "b1"}), up);
    EXPECT_EQ(book.measured().at(b1), down);
}

TEST_F(Book, GoesOnFromWhatAnotherDaemonKnewWithItsRows) {
    HealthState const failing{.state = up, .failed_in_row = 2, .suspect = true};
    book.resume({{b1, {{"tcp", failing}}}, {{"web", "gone"}, {{"tcp", failing}}}});
    EXPECT_EQ(measured(), up);
    EXPECT_EQ(book.checks(b1)[0].health, failing);
    EXPECT_EQ(book.checks(b1)[1].health, (HealthState{.state = up})) << "new: as the backend was";
    EXPECT_EQ(book.states_of(b1).size(), 2U);
    for (auto const& wanted : book.wanted({}))
        EXPECT_EQ(wanted.resume,
                  wanted.target.check->type == CheckType::tcp ? failing : HealthState{.state = up});
}

TEST_F(Book, BackendsHoldEqualChecksOnce) {
    desired.services[0].backends.push_back(backend());
    desired.services[0].backends[1].name = "b2";
    book.assign(desired);
    for (std::size_t i = 0; i < 2; ++i) {
        auto const of = [&](BackendKey const& key) { return &*book.checks(key)[i].target.check; };
        EXPECT_EQ(of(b1), of({"web", "b2"})) << i;
    }
    EXPECT_NE(book.checks(b1)[0].target.check, book.checks(b1)[1].target.check);
}

TEST_F(Book, ABackendInMaintenanceIsNotProbed) {
    EXPECT_TRUE(book.wanted({{b1, AdminState::maint}}).empty());
    EXPECT_EQ(book.wanted({{b1, AdminState::drain}}).size(), 2U);
}

TEST_F(Book, APassedProbeAfterAnotherIsNewsOnlyAmongSeveralChecks) {
    note(0, up);
    EXPECT_FALSE(note(0, up).front().as_before) << "the other check says something too";
    backend().more_checks.clear();
    book.assign(desired);
    EXPECT_FALSE(note(0, up).front().as_before) << "who judges has not heard of it since the reload";
    EXPECT_TRUE(note(0, up).front().as_before);
    EXPECT_EQ(note(0, down).front().transition, (Transition{up, down}));
    EXPECT_EQ(note(0, up).front().transition, (Transition{down, up}));
    EXPECT_TRUE(note(0, up).front().as_before);
    book.forget(b1);
    EXPECT_FALSE(note(0, up).front().as_before);
}

} // namespace
} // namespace pointsman
