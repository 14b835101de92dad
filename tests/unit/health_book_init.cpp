// What a backend is taken for before and between probes.
#include "controller/app/health_book.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace pointsman {
namespace {

BackendKey const b1{"web", "b1"};

class Presumption : public testing::Test {
protected:
    void assign(Init init) {
        DesiredState desired;
        desired.services.resize(1);
        desired.services.front().name = "web";
        Backend backend;
        backend.name = "b1";
        backend.address = Address::v4(0x0a4d0002);
        backend.port = 80;
        backend.check.own().policy.init = init;
        desired.services.front().backends.push_back(backend);
        book.assign(desired);
    }
    void find(MeasuredState now) {
        Outcome const outcome;
        HealthState const state{.state = now};
        auto const target = book.checks(b1).front().target;
        book.note({target, outcome, state, Transition{MeasuredState::unknown, now}, {}, {}, {}});
    }
    MeasuredState taken_for() {
        auto const found = book.measured().find(b1);
        return found == book.measured().end() ? MeasuredState::unknown : found->second;
    }

    HealthBook book;
};

} // namespace

TEST_F(Presumption, InitSaysWhatABackendIsUntilItsFirstProbe) {
    assign(Init::down);
    EXPECT_EQ(taken_for(), MeasuredState::unknown);
    assign(Init::up);
    EXPECT_EQ(taken_for(), MeasuredState::up);
    find(MeasuredState::down);
    EXPECT_EQ(taken_for(), MeasuredState::down);
}

TEST_F(Presumption, APresumptionIsNoStateToResume) {
    assign(Init::up);
    EXPECT_EQ(book.wanted({}).front().resume.state, MeasuredState::unknown);
}

TEST_F(Presumption, LastIsWhatItWasBeforeItRested) {
    assign(Init::last);
    EXPECT_EQ(taken_for(), MeasuredState::unknown) << "nothing to remember";
    find(MeasuredState::up);
    book.forget(b1);
    EXPECT_EQ(taken_for(), MeasuredState::up);
    find(MeasuredState::down);
    book.forget(b1);
    EXPECT_EQ(taken_for(), MeasuredState::down);
}

TEST_F(Presumption, OnlyWhatNobodyAnsweredIsSilent) {
    auto const outcome = [](OutcomeCode code, int error) { return Outcome{code, {}, error, 0, {}}; };
    EXPECT_TRUE(is_silent(outcome(OutcomeCode::L4TOUT, 0)));
    EXPECT_TRUE(is_silent(outcome(OutcomeCode::L4CON, EHOSTUNREACH)));
    EXPECT_FALSE(is_silent(outcome(OutcomeCode::L4CON, ECONNREFUSED)));
    EXPECT_FALSE(is_silent(outcome(OutcomeCode::L7TOUT, 0)));
    EXPECT_FALSE(is_silent(outcome(OutcomeCode::L7OK, 0)));
}

} // namespace pointsman
