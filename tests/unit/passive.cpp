// What the datapath's counters say against a backend.
#include "controller/plan/passive.hpp"

#include <gtest/gtest.h>

namespace pointsman {
namespace {

using namespace std::chrono_literals;

constexpr BackendId b1{1};
constexpr BackendId b2{2};
constexpr BackendId b3{3};

class TrafficWatchTest : public testing::Test {
protected:
    TrafficWatchTest() { (void)look(); }

    std::vector<Doubt> look() {
        clock += watch.interval();
        return watch.look(traffic, clock);
    }
    void handshakes(BackendId id, std::chrono::microseconds took, unsigned count = 64) {
        for (unsigned i = 0; i < count; ++i)
            watch.handshake(id, took);
    }

    Address host1 = *Address::parse("10.77.0.2");
    Address host2 = *Address::parse("10.77.0.3");
    std::vector<BackendTraffic> traffic{
        {b1, 1, 0, 0, 0, host1, 80}, {b2, 1, 0, 0, 0, host2, 80}, {b3, 1, 0, 0}};
    TrafficWatch::TimePoint clock{1h};
    TrafficWatch watch;
};

} // namespace

TEST_F(TrafficWatchTest, PacketsInAndNoneOutAreADoubtAfterAHundredMilliseconds) {
    traffic[0].to_backend += 10;
    EXPECT_TRUE(look().empty());
    auto const began = clock;
    std::vector<Doubt> doubts;
    while (doubts.empty()) {
        traffic[0].to_backend += 10;
        doubts = look();
    }
    EXPECT_EQ(doubts, (std::vector<Doubt>{{b1, Doubt::Kind::silent}}));
    EXPECT_EQ(clock - began, 100ms);
}

TEST_F(TrafficWatchTest, AHandshakeIsDatedBeforeTheLookThatFoundIt) {
    EXPECT_EQ(watch.last_handshake(host1, 80), std::nullopt);
    auto const before = clock;
    traffic[0].established += 3;
    (void)look();
    EXPECT_EQ(watch.last_handshake(host1, 80), before);
    (void)look();
    EXPECT_EQ(watch.last_handshake(host1, 80), before) << "nothing new";
    EXPECT_EQ(watch.last_handshake(host1, 81), std::nullopt);
    EXPECT_EQ(watch.last_handshake(host2, 80), std::nullopt);
    watch.forget_handshakes();
    EXPECT_EQ(watch.last_handshake(host1, 80), std::nullopt);
}

TEST_F(TrafficWatchTest, HandshakesBeforeTheFirstLookAtABackendAreUnknown) {
    traffic.push_back({BackendId{4}, 1, 0, 0, 100, host1, 80});
    (void)look();
    EXPECT_EQ(watch.last_handshake(host1, 80), std::nullopt);
}

TEST_F(TrafficWatchTest, AnswersDispelIt) {
    for (int i = 0; i < 20; ++i) {
        traffic[0].to_backend += 10;
        traffic[0].to_client += i % 2;
        EXPECT_TRUE(look().empty());
    }
}

TEST_F(TrafficWatchTest, ASinglePacketWithoutAnAnswerIsNone) {
    traffic[0].to_backend += 1;
    for (int i = 0; i < 20; ++i)
        EXPECT_TRUE(look().empty());
}

TEST_F(TrafficWatchTest, WithoutTrafficNobodyIsSilent) {
    for (int i = 0; i < 20; ++i)
        EXPECT_TRUE(look().empty());
}

TEST_F(TrafficWatchTest, TheSamePacketsRaiseOneDoubtOnly) {
    traffic[0].to_backend += 10;
    unsigned doubts = 0;
    for (int i = 0; i < 20; ++i)
        doubts += static_cast<unsigned>(look().size());
    EXPECT_EQ(doubts, 1U);
}

TEST_F(TrafficWatchTest, LooksSeldomWhileNothingPasses) {
    EXPECT_EQ(watch.interval(), 250ms);
    traffic[1].to_backend += 1;
    (void)look();
    EXPECT_EQ(watch.interval(), 50ms);
    (void)look();
    EXPECT_EQ(watch.interval(), 250ms);
}

TEST_F(TrafficWatchTest, ABackendFarSlowerThanItsPoolIsADoubt) {
    handshakes(b1, 2ms);
    handshakes(b2, 3ms);
    handshakes(b3, 30ms);
    EXPECT_EQ(look(), (std::vector<Doubt>{{b3, Doubt::Kind::slow}}));
}

TEST_F(TrafficWatchTest, APoolThatIsSlowAltogetherIsNoDoubt) {
    for (auto const id : {b1, b2, b3})
        handshakes(id, 300ms);
    EXPECT_TRUE(look().empty());
}

TEST_F(TrafficWatchTest, AFewMillisecondsAreNoDoubtWhateverTheFactor) {
    handshakes(b1, 100us);
    handshakes(b2, 100us);
    handshakes(b3, 9ms);
    EXPECT_TRUE(look().empty());
}

TEST_F(TrafficWatchTest, AFewHandshakesAreNoMeasurement) {
    handshakes(b1, 1ms);
    handshakes(b2, 1ms);
    handshakes(b3, 500ms, 31);
    EXPECT_TRUE(look().empty());
}

TEST(FailedClients, OneClientNeverSuffices) {
    FailedClients failed;
    for (int i = 0; i < 100'000; ++i)
        EXPECT_FALSE(failed.note(Address::v4(1), 0, FailedClients::TimePoint{1h} + i * 1ms));
}

TEST(FailedClients, ThreeDifferentOnesDoWithinTheWindow) {
    FailedClients failed;
    FailedClients::TimePoint const now{1h};
    EXPECT_FALSE(failed.note(Address::v4(1), 0, now));
    EXPECT_FALSE(failed.note(Address::v4(2), 0, now + 5s));
    EXPECT_TRUE(failed.note(Address::v4(3), 0, now + 10s));
    EXPECT_FALSE(failed.note(Address::v4(4), 0, now + 10s)) << "counted anew";
}

TEST(FailedClients, NotSpreadOverMoreThanTheWindow) {
    FailedClients failed;
    FailedClients::TimePoint const now{1h};
    for (unsigned i = 0; i < 50; ++i)
        EXPECT_FALSE(failed.note(Address::v4(i), 0, now + i * 6s));
}

TEST(FailedClients, NotWhileMostConnectionsSucceed) {
    FailedClients failed;
    FailedClients::TimePoint const now{1h};
    std::uint64_t established = 1000;
    for (unsigned i = 0; i < 50; ++i)
        EXPECT_FALSE(failed.note(Address::v4(i), established += 10, now + i * 1ms)) << i;
}

} // namespace pointsman
