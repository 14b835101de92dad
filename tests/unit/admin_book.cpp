// Orders of operators: drains, their progress, weights.
#include "controller/app/admin_book.hpp"

#include <gtest/gtest.h>

namespace pointsman {
namespace {

using namespace std::chrono_literals;

BackendKey const b1{"web", "b1"};
constexpr DrainProgress::TimePoint t0{1h};

AdminOrder drain() {
    return {AdminState::drain, "swap", std::nullopt, std::nullopt};
}

DesiredState with_weight(unsigned weight) {
    DesiredState desired;
    desired.services.resize(1);
    desired.services.front().name = "web";
    desired.services.front().backends.resize(1);
    desired.services.front().backends.front().name = "b1";
    desired.services.front().backends.front().weight = weight;
    return desired;
}

TEST(AdminBook, ADrainsRemainingTimeFollowsFromTheFlowsThatEnded) {
    DrainProgress progress;
    progress.note(100, t0);
    EXPECT_EQ(progress.remaining(), std::nullopt);
    progress.note(75, t0 + 10s);
    EXPECT_EQ(progress.left(), 75U);
    EXPECT_EQ(progress.remaining(), 30s);
    progress.note(0, t0 + 20s);
    EXPECT_EQ(progress.remaining(), 0s);
}

TEST(AdminBook, MoreFlowsThanAtTheBeginningBeginTheMeasurementAnew) {
    DrainProgress progress;
    progress.note(10, t0);
    progress.note(20, t0 + 10s);
    EXPECT_EQ(progress.remaining(), std::nullopt);
    progress.note(10, t0 + 15s);
    EXPECT_EQ(progress.remaining(), 5s);
}

TEST(AdminBook, OnlyADrainHasAProgressAndEachOrderItsOwn) {
    AdminBook book;
    book.note_sessions(b1, 5, t0);
    EXPECT_EQ(book.progress_of(b1), nullptr);
    book.set(b1, drain());
    book.note_sessions(b1, 5, t0);
    ASSERT_NE(book.progress_of(b1), nullptr);
    EXPECT_EQ(book.progress_of(b1)->left(), 5U);
    book.set(b1, drain());
    EXPECT_EQ(book.progress_of(b1), nullptr);
}

TEST(AdminBook, AWeightHoldsUntilReadyAndNotOnlyUntilTheNextOrder) {
    AdminBook book;
    book.set(b1, WeightOrder{25, "", 100});
    book.set(b1, drain());
    EXPECT_EQ(book.weights().at(b1).weight, 25U);
    book.set(b1, AdminOrder{});
    EXPECT_TRUE(book.weights().empty());
}

TEST(AdminBook, AReloadEndsAWeightOnlyIfItBringsAnother) {
    AdminBook book;
    book.set(b1, WeightOrder{25, "", 100});
    book.drop_weights_changed_in(with_weight(100));
    EXPECT_EQ(book.weights().size(), 1U);
    book.drop_weights_changed_in(with_weight(50));
    EXPECT_TRUE(book.weights().empty());
}

TEST(AdminBook, OrdersOfBackendsThatAreGoneAreDropped) {
    AdminBook book;
    book.set(b1, drain());
    book.set(b1, WeightOrder{25, "", 100});
    book.note_sessions(b1, 5, t0);
    book.retain([](BackendKey const&) { return false; });
    EXPECT_TRUE(book.states().empty());
    EXPECT_TRUE(book.weights().empty());
    EXPECT_EQ(book.progress_of(b1), nullptr);
}

} // namespace
} // namespace pointsman
