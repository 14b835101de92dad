// An agent whose words change, through the monitor and on the loop.
#include "healthcheck/monitor.hpp"
#include "tests/loop/loop_test.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace pointsman::test {
namespace {

namespace asio = boost::asio;
using enum MeasuredState;

awaitable<void> say(tcp::socket socket, std::string line) {
    co_await asio::async_write(socket, asio::buffer(line), asio::use_awaitable);
}

class AgentWords : public LoopTest {
protected:
    AgentWords() {
        probed.check.own().policy.interval = probed.check.own().policy.down_interval = 20ms;
        probed.check.own().policy.rise = probed.check.own().policy.fall = 1;
        monitor.set_targets({{probed}});
    }

    ~AgentWords() override {
        bool stopped = false;
        asio::co_spawn(context, monitor.stop(), [&](std::exception_ptr const&) { stopped = true; });
        EXPECT_TRUE(run_until([&] { return stopped; }, 1s));
    }

    /// What is known once an answer with this line was taken in, and one that was asked for after it.
    HealthState after(std::string said) {
        line = std::move(said) + "\n";
        auto const wanted = reports + 3;
        EXPECT_TRUE(run_until([&] { return reports >= wanted; }, 5s)) << line;
        return monitor.state_of(probed).value();
    }

    std::string line = "up\n";
    ScriptedBackend backend{context, [this](tcp::socket socket) { return say(std::move(socket), line); }};
    ProbeTarget probed = target(backend.port(), CheckType::agent);
    unsigned reports = 0;
    HealthMonitor monitor{context.get_executor(), [this](ProbeReport const&) { ++reports; }};
};

TEST_F(AgentWords, CountUntilOthersOfTheirKindAreSaid) {
    EXPECT_EQ(after("up 50%").wishes, (Wishes{.weight_percent = 50}));
    EXPECT_EQ(after("drain").wishes, (Wishes{AdminState::drain, 50, false}));
    EXPECT_EQ(after("up").state, draining);
    EXPECT_EQ(after("maint").state, resting);
    EXPECT_EQ(after("ssh-2.0").state, resting) << "no word of an agent's says nothing";
    auto const back = after("ready 100%");
    EXPECT_EQ(back.state, up);
    EXPECT_EQ(back.wishes, (Wishes{.weight_percent = 100}));
}

TEST_F(AgentWords, AfterDownAnotherWordThanUpIsAFailedProbe) {
    EXPECT_EQ(after("up").state, up);
    EXPECT_EQ(after("down").state, down);
    EXPECT_EQ(after("75%").state, down);
    EXPECT_EQ(after("up").state, up);
}

TEST_F(AgentWords, AreForgottenWhenAnOperatorSaysSo) {
    (void)after("maint 20%");
    EXPECT_EQ(after("up").state, resting);
    monitor.forget_wishes(probed);
    auto const back = after("up");
    EXPECT_EQ(back.state, up);
    EXPECT_EQ(back.wishes, Wishes{});
}

} // namespace
} // namespace pointsman::test
