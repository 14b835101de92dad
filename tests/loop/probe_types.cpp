// Probes other than plain connections and HTTP, against scripted backends on the real loop.
#include "tests/loop/loop_test.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sys/wait.h>
#include <thread>
#include <tuple>
#include <unistd.h>

namespace pointsman::test {

namespace {

namespace asio = boost::asio;
using asio::ip::udp;
using enum OutcomeCode;

Outcome outcome(OutcomeCode code, std::string text = {}, std::string first_bytes = {}, unsigned status = 0) {
    Outcome made{code};
    made.text = std::move(text);
    made.first_bytes = std::move(first_bytes);
    made.status = status;
    return made;
}

Pattern pattern(std::string text) {
    std::string flaw;
    return Pattern::compile(std::move(text), flaw);
}

awaitable<void> greet(tcp::socket socket, std::string greeting) {
    co_await asio::async_write(socket, asio::buffer(greeting), asio::use_awaitable);
    co_await socket.async_wait(tcp::socket::wait_read, asio::use_awaitable); // until the probe closes
}

awaitable<void> answer_ping(tcp::socket socket) {
    std::string asked(6, '\0');
    co_await asio::async_read(socket, asio::buffer(asked), asio::use_awaitable);
    co_await asio::async_write(socket, asio::buffer(asked == "PING\r\n" ? "+PONG\r\n" : "-ERR\r\n", 6),
                               asio::use_awaitable);
}

Script greets(std::string greeting) {
    return [greeting](tcp::socket socket) { return greet(std::move(socket), greeting); };
}

class TcpExpect : public LoopTest {
protected:
    Outcome probe_backend_that(Script script, std::string send, Expectation expect, Duration timeout = 2s) {
        ScriptedBackend backend{context, std::move(script)};
        auto probed = target(backend.port(), CheckType::tcp, timeout);
        probed.check.own().send = std::move(send);
        probed.check.own().expect = std::move(expect);
        return outcome_of(probed);
    }
};

/// Answers every datagram in its way, or none.
class UdpBackend {
public:
    UdpBackend(asio::io_context& context, std::string answer)
        : socket_{context, {asio::ip::address_v4::loopback(), 0}}
        , answer_{std::move(answer)} {
        asio::co_spawn(context, serve(), asio::detached);
    }
    [[nodiscard]] std::uint16_t port() const { return socket_.local_endpoint().port(); }

private:
    awaitable<void> serve() {
        std::array<char, 512> asked;
        for (;;) {
            udp::endpoint client;
            co_await socket_.async_receive_from(asio::buffer(asked), client, asio::use_awaitable);
            if (!answer_.empty())
                co_await socket_.async_send_to(asio::buffer(answer_), client, asio::use_awaitable);
        }
    }

    udp::socket socket_;
    std::string answer_;
};

class UdpProbe : public LoopTest {
protected:
    Outcome probe_port(std::uint16_t port, Expectation expect, Duration timeout = 2s) {
        auto probed = target(port, CheckType::udp, timeout);
        probed.check.own().send = "hello";
        probed.check.own().expect = std::move(expect);
        return outcome_of(probed);
    }
};

class AgentProbe : public LoopTest {
protected:
    Outcome probe_backend_that(Script script, Duration timeout = 2s) {
        ScriptedBackend backend{context, std::move(script)};
        return outcome_of(target(backend.port(), CheckType::agent, timeout));
    }
};

class ExecProbe : public LoopTest {
protected:
    Outcome run(std::vector<std::string> command, Duration timeout = 2s) {
        auto probed = target(8080, CheckType::exec, timeout);
        probed.check.own().command = std::move(command);
        probed.backend = {"web", "b1"};
        return outcome_of(probed);
    }
    Outcome run_script(std::string const& script, Duration timeout = 2s) {
        return run({"/bin/sh", "-c", script}, timeout);
    }
};

} // namespace

TEST_F(TcpExpect, PassesWhenTheAnswerHoldsWhatIsExpected) {
    EXPECT_EQ(probe_backend_that(answer_ping, "PING\r\n", {.text = "+PONG"}), outcome(L7OK));
    EXPECT_EQ(probe_backend_that(greets("220 mail ESMTP\r\n"), "", {.pattern = pattern("^220 ")}),
              outcome(L7OK));
}

TEST_F(TcpExpect, IsContentWithHavingSent) {
    EXPECT_EQ(probe_backend_that(greets(""), "PING\r\n", {}), outcome(L4OK));
}

TEST_F(TcpExpect, FailsOnAnotherAnswerAndKeepsItsFirstBytes) {
    EXPECT_EQ(probe_backend_that(answer_ping, "PONG\r\n", {.text = "+PONG"}),
              outcome(L7RSP, "the expected text is missing", "-ERR\r\n"));
}

TEST_F(TcpExpect, TimesOutWhileTheAnswerMayStillCome) {
    EXPECT_EQ(probe_backend_that(greets("220-\r\n"), "", {.text = "220 "}, 40ms),
              outcome(L7TOUT, "the expected text is missing", "220-\r\n"));
}

TEST_F(TcpExpect, LooksAtNoMoreThanItsLimitOfAnEndlessAnswer) {
    auto const endless = [](tcp::socket socket) -> awaitable<void> {
        std::string const zeros(1 << 20, '\0');
        for (;;)
            co_await asio::async_write(socket, asio::buffer(zeros), asio::use_awaitable);
    };
    EXPECT_EQ(probe_backend_that(endless, "", {.text = "x", .limit = 65536}, 1h),
              outcome(L7RSP, "the expected text is missing", std::string(64, '\0')));
}

TEST_F(TcpExpect, FailsWhenTheBackendResets) {
    auto const failed = probe_backend_that(resets(), "", {.text = "x"});
    EXPECT_EQ(failed.code, L7RSP);
    EXPECT_EQ(failed.error, ECONNRESET);
}

TEST_F(UdpProbe, PassesOnTheExpectedAnswer) {
    UdpBackend const backend{context, "b1 hello"};
    EXPECT_EQ(probe_port(backend.port(), {.text = "hello"}), outcome(L7OK));
}

TEST_F(UdpProbe, FailsOnAnotherAnswer) {
    UdpBackend const backend{context, "go away"};
    EXPECT_EQ(probe_port(backend.port(), {.text = "hello"}),
              outcome(L7RSP, "the expected text is missing", "go away"));
}

TEST_F(UdpProbe, TimesOutWhenAnAnswerIsExpectedAndNoneComes) {
    UdpBackend const backend{context, ""};
    EXPECT_EQ(probe_port(backend.port(), {.text = "hello"}, 30ms), outcome(L7TOUT));
}

TEST_F(UdpProbe, PassesAtItsDeadlineWhenNoneIsExpectedAndThePortDoesNotRefuse) {
    UdpBackend const backend{context, ""};
    EXPECT_EQ(probe_port(backend.port(), {}, 30ms), outcome(L4OK));
}

TEST_F(UdpProbe, FailsAtOnceWhenThePortIsClosed) {
    udp::socket closed{context, {asio::ip::address_v4::loopback(), 0}};
    auto const port = closed.local_endpoint().port();
    closed.close();
    auto const started = Clock::now();
    auto const failed = probe_port(port, {}, 10s);
    EXPECT_EQ(failed.code, L4CON);
    EXPECT_EQ(failed.error, ECONNREFUSED);
    EXPECT_LT(Clock::now() - started, 1s);
}

TEST_F(AgentProbe, ReadsOneLine) {
    EXPECT_EQ(probe_backend_that(greets("ready\n")).code, L7OK);
    EXPECT_EQ(probe_backend_that(greets("up\n")).healthy, true);
    auto const ill = probe_backend_that(greets("down # disk full\nup\n"));
    EXPECT_EQ(ill.healthy, false);
    EXPECT_EQ(std::tuple(ill.code, ill.text, ill.first_bytes),
              (std::tuple{L7STS, std::string{"disk full"}, std::string{"down # disk full"}}));
    auto const drained = probe_backend_that(greets("up drain 30%\n"));
    EXPECT_EQ(drained.code, L7OK);
    EXPECT_EQ(drained.asks, AdminState::drain);
    EXPECT_EQ(drained.weight_percent, 30U);
    EXPECT_EQ(drained.healthy, true);
}

TEST_F(AgentProbe, ReadsOverStrangeWordsAndShowsTheFirst) {
    auto const said = probe_backend_that(greets("up splendid day 40% # busy\n"));
    EXPECT_EQ(said.code, L7OK);
    EXPECT_EQ(said.weight_percent, 40U);
    EXPECT_EQ(said.text, "ignored: \"splendid\"; busy");
}

TEST_F(AgentProbe, RefusesAStrangeLineAndOneThatNeverEnds) {
    EXPECT_EQ(probe_backend_that(greets("SSH-2.0-OpenSSH\r\n")),
              outcome(L7RSP, "no word that an agent may say", "SSH-2.0-OpenSSH\r"));
    EXPECT_EQ(probe_backend_that(greets(std::string(5000, 'x')), 1h).code, L7RSP);
    std::string endless;
    while (endless.size() < 5000)
        endless += "up ";
    EXPECT_EQ(probe_backend_that(greets(endless), 1h).text, "a line that does not end");
    EXPECT_EQ(probe_backend_that(greets("up"), 40ms), outcome(L7TOUT, "", "up"));
    EXPECT_EQ(probe_backend_that(closes()).code, L7RSP);
}

TEST_F(ExecProbe, PassesOnExitCodeZeroAndTellsTheFirstLine) {
    EXPECT_EQ(
        run_script(
            "echo \"$POINTSMAN_SERVICE/$POINTSMAN_BACKEND $POINTSMAN_ADDRESS $POINTSMAN_PORT\"; echo more"),
        outcome(L7OK, "web/b1 127.0.0.1 8080"));
}

TEST_F(ExecProbe, FailsOnAnyOtherExit) {
    EXPECT_EQ(run_script("exit 3"), outcome(L7STS, "exit code 3", "", 3));
    EXPECT_EQ(run_script("kill -SEGV $$"), outcome(L7STS, "ended by signal 11"));
}

TEST_F(ExecProbe, BlamesTheBalancerForAProgramThatIsMissing) {
    auto const failed = run({"/no/such/program"});
    EXPECT_EQ(failed.code, OWN);
    EXPECT_EQ(failed.error, ENOENT);
    EXPECT_EQ(failed.text, "/no/such/program: No such file or directory");
}

TEST_F(ExecProbe, KillsTheWholeGroupAtItsDeadline) {
    auto const file = std::filesystem::temp_directory_path() / ("pm-exec-" + std::to_string(::getpid()));
    auto const failed = run_script("sleep 1000 & echo $! > " + file.string() + "; echo waiting; wait", 300ms);
    EXPECT_EQ(failed, outcome(L7TOUT, "waiting"));
    pid_t grandchild = 0;
    std::ifstream{file} >> grandchild;
    std::filesystem::remove(file);
    ASSERT_GT(grandchild, 0);
    auto const gone = [grandchild] { // or a zombie that nobody waits for here
        std::string state;
        std::ifstream status{"/proc/" + std::to_string(grandchild) + "/stat"};
        return !(status >> state >> state >> state) || state == "Z";
    };
    auto const end = std::chrono::steady_clock::now() + 5s; // nothing of it is on the loop
    while (!gone() && std::chrono::steady_clock::now() < end)
        std::this_thread::yield();
    EXPECT_TRUE(gone());
}

TEST_F(ExecProbe, IsNotHeldUpByAProgramThatWritesWithoutEnd) {
    EXPECT_EQ(run_script("exec yes", 200ms), outcome(L7TOUT, "y"));
    EXPECT_EQ(run_script("head -c 500000 /dev/zero | tr '\\0' x; exit 0").code, L7OK);
}

TEST_F(ExecProbe, LeavesNoZombie) {
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(run_script("sleep 1000", 20ms).code, L7TOUT);
    EXPECT_TRUE(run_until([] { return ::waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD; }));
}

} // namespace pointsman::test
