#include "tests/loop/loop_test.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <cerrno>
#include <sys/resource.h>

namespace pointsman::test {

namespace {

namespace asio = boost::asio;
using enum OutcomeCode;

Outcome failed(OutcomeCode code, std::string text, std::string first_bytes = {}, unsigned status = 0) {
    Outcome made{code, {}, 0, status, std::move(first_bytes)};
    made.text = std::move(text);
    return made;
}

/// While it lives, this process can open no further descriptor.
class NoDescriptors {
public:
    NoDescriptors() {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        rlimit const none{.rlim_cur = 0, .rlim_max = before_.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &none);
    }
    ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
    NoDescriptors(NoDescriptors const&) = delete;
    NoDescriptors& operator=(NoDescriptors const&) = delete;

private:
    rlimit before_{};
};

awaitable<void> note_end(tcp::socket socket, boost::system::error_code& seen) {
    char octet = 0;
    co_await socket.async_read_some(asio::buffer(&octet, 1), asio::redirect_error(asio::use_awaitable, seen));
}

std::string const good_head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n";

class TcpProbe : public LoopTest {};

class HttpProbe : public LoopTest {
protected:
    Outcome probe_backend_that(Script script, Duration timeout = 2s) {
        ScriptedBackend backend{context, std::move(script)};
        return outcome_of(target(backend.port(), CheckType::http, timeout));
    }
};

class AnyProbe : public LoopTest, public testing::WithParamInterface<CheckType> {};

} // namespace

TEST_F(TcpProbe, PassesWhenTheBackendAccepts) {
    ScriptedBackend backend{context, closes()};
    EXPECT_EQ(outcome_of(target(backend.port(), CheckType::tcp)), (Outcome{L4OK, {}, 0, 0, ""}));
}

TEST_F(TcpProbe, EndsByResetSoThatNoTimeWaitIsLeft) {
    boost::system::error_code seen;
    ScriptedBackend backend{context, [&](tcp::socket socket) { return note_end(std::move(socket), seen); }};
    EXPECT_EQ(outcome_of(target(backend.port(), CheckType::tcp)), (Outcome{L4OK, {}, 0, 0, ""}));
    EXPECT_TRUE(run_until([&] { return seen.failed(); }));
    EXPECT_EQ(seen, asio::error::connection_reset);
}

TEST_P(AnyProbe, ReportsARefusedConnection) {
    RefusingPort const refusing{context};
    EXPECT_EQ(outcome_of(target(refusing.port(), GetParam())), (Outcome{L4CON, {}, ECONNREFUSED, 0, ""}));
}

TEST_P(AnyProbe, ReportsAnUnreachableNetwork) {
    auto nowhere = target(80, GetParam());
    nowhere.address = Address::v4(0xffffffff); // no route leads a connection to a broadcast address
    EXPECT_EQ(outcome_of(nowhere), (Outcome{L4CON, {}, ENETUNREACH, 0, ""}));
}

TEST_P(AnyProbe, GivesUpAtItsDeadlineWhenNothingAnswersTheConnection) {
    DarkPort const dark{context};
    auto const started = Clock::now();
    EXPECT_EQ(outcome_of(target(dark.port(), GetParam(), 40ms)), (Outcome{L4TOUT, {}, 0, 0, ""}));
    EXPECT_GE(Clock::now() - started, 40ms);
}

TEST_P(AnyProbe, BlamesTheBalancerWhenItHasNoDescriptorLeft) {
    ScriptedBackend backend{context, answers(good_head)};
    ASSERT_TRUE(outcome_of(target(backend.port(), GetParam())).passed());
    NoDescriptors const exhausted;
    EXPECT_EQ(outcome_of(target(backend.port(), GetParam())), (Outcome{OWN, {}, EMFILE, 0, ""}));
}

TEST_P(AnyProbe, ThrowsOnlyWhenCancelled) {
    DarkPort const dark{context};
    asio::cancellation_signal cancel;
    std::exception_ptr failure;
    asio::co_spawn(context, probe(target(dark.port(), GetParam(), 1h)),
                   asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr const& thrown,
                                                                   Outcome const&) { failure = thrown; }));
    context.poll(); // the connection is under way
    ASSERT_FALSE(failure);
    cancel.emit(asio::cancellation_type::terminal);
    ASSERT_TRUE(run_until([&] { return failure != nullptr; }));
    try {
        std::rethrow_exception(failure);
    } catch (boost::system::system_error const& error) {
        EXPECT_EQ(error.code(), asio::error::operation_aborted);
    }
}

INSTANTIATE_TEST_SUITE_P(Probes, AnyProbe, testing::Values(CheckType::tcp, CheckType::http),
                         [](auto const& tested) { return tested.param == CheckType::tcp ? "Tcp" : "Http"; });

TEST_F(HttpProbe, PassesOnAnExpectedStatus) {
    EXPECT_EQ(probe_backend_that(answers(good_head)), (Outcome{L7OK, {}, 0, 200, ""}));
}

TEST_F(HttpProbe, ReachesABackendByIpv6) {
    tcp::acceptor probed{context};
    boost::system::error_code no_ipv6;
    probed.open(tcp::v6(), no_ipv6);
    if (!no_ipv6) probed.bind({asio::ip::address_v6::loopback(), 0}, no_ipv6);
    if (no_ipv6) GTEST_SKIP() << "no IPv6 here: " << no_ipv6.message();
    auto refused = target(probed.local_endpoint().port(), CheckType::http);
    refused.address = *Address::parse("::1");
    EXPECT_EQ(outcome_of(refused), (Outcome{L4CON, {}, ECONNREFUSED, 0, ""}));
}

TEST_F(HttpProbe, FailsOnAnUnexpectedStatusAndKeepsTheStatusLine) {
    EXPECT_EQ(probe_backend_that(answers("HTTP/1.1 503 Maintenance\r\n\r\n")),
              (Outcome{L7STS, {}, 0, 503, "HTTP/1.1 503 Maintenance\r\n\r\n"}));
}

TEST_F(HttpProbe, AcceptsAnAnswerWithoutReasonPhrase) {
    EXPECT_EQ(probe_backend_that(answers("HTTP/1.1 200\r\n\r\n")), (Outcome{L7OK, {}, 0, 200, ""}));
}

TEST_F(HttpProbe, ReadsOverInterimAnswers) {
    EXPECT_EQ(probe_backend_that(answers("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + good_head)),
              (Outcome{L7OK, {}, 0, 200, ""}));
}

TEST_F(HttpProbe, DoesNotReadInterimAnswersForEver) {
    std::string const interim = "HTTP/1.1 100 Continue\r\n\r\n";
    auto outcome = probe_backend_that(floods("", interim));
    outcome.first_bytes.resize(interim.size()); // more may have come in the same piece
    EXPECT_EQ(outcome, failed(L7RSP, "more than 16 interim answers", interim, 100));
}

TEST_F(HttpProbe, AcceptsAnAnswerThatDribblesInWithinTheDeadline) {
    EXPECT_EQ(probe_backend_that(dribbles(good_head, 200us)), (Outcome{L7OK, {}, 0, 200, ""}));
}

TEST_F(HttpProbe, DoesNotExtendItsDeadlineForADribblingAnswer) {
    auto const started = Clock::now();
    auto const outcome = probe_backend_that(dribbles(std::string(10000, 'H'), 5ms), 60ms);
    EXPECT_EQ(outcome.code, L7RSP) << "HH begins no status line";
    auto const endless = probe_backend_that(dribbles("HTTP/1.1 200 " + std::string(10000, 'x'), 5ms), 60ms);
    EXPECT_EQ(endless.code, L7TOUT);
    EXPECT_EQ(endless.first_bytes.substr(0, 5), "HTTP/");
    EXPECT_LT(Clock::now() - started, 1s);
}

TEST_F(HttpProbe, TimesOutOnABackendThatAcceptsAndKeepsSilent) {
    EXPECT_EQ(probe_backend_that(keeps_silent(), 40ms), failed(L7TOUT, "no answer"));
}

TEST_F(HttpProbe, TimesOutOnABackendThatNeverAcceptsFromItsBacklog) {
    tcp::acceptor const listening{context, {asio::ip::address_v4::loopback(), 0}};
    auto const hung = target(listening.local_endpoint().port(), CheckType::http, 40ms);
    EXPECT_EQ(outcome_of(hung), failed(L7TOUT, "no answer"));
}

TEST_F(HttpProbe, LeavesAHugeBodyUnreadAndLetsTheStatusDecide) {
    EXPECT_EQ(probe_backend_that(floods(good_head, std::string(1 << 20, 'x'))),
              (Outcome{L7OK, {}, 0, 200, ""}));
}

TEST_F(HttpProbe, RejectsAHeadWithoutEnd) {
    auto const outcome = probe_backend_that(floods("HTTP/1.1 200 OK\r\n", "X-Padding: 0123456789\r\n"));
    EXPECT_EQ(outcome, failed(L7RSP, "the head is longer than 16384 octets",
                              "HTTP/1.1 200 OK\r\nX-Padding: 0123456789\r\nX-Padding: 0123456789\r\nX", 200));
}

TEST_F(HttpProbe, RejectsGarbageAtOnceAndKeepsItsFirstBytes) {
    std::string const banner = "SSH-2.0-OpenSSH_9.2p1\r\n";
    EXPECT_EQ(probe_backend_that(floods(banner, ""), 1h), failed(L7RSP, "no HTTP/1 status line", banner));
}

TEST_F(HttpProbe, KeepsAtMost64OctetsOfGarbage) {
    std::string const garbage(4096, '\0');
    EXPECT_EQ(probe_backend_that(answers(garbage)),
              failed(L7RSP, "no HTTP/1 status line", std::string(64, '\0')));
}

TEST_F(HttpProbe, FailsWhenTheBackendClosesWithoutAnAnswer) {
    Script const reads_and_closes = answers("");
    EXPECT_EQ(probe_backend_that(reads_and_closes), failed(L7RSP, "closed before an answer"));
}

TEST_F(HttpProbe, FailsWhenTheBackendClosesInTheMiddleOfTheHead) {
    EXPECT_EQ(probe_backend_that(answers("HTTP/1.1 200 OK\r\nServ")),
              failed(L7RSP, "closed before the head's end", "HTTP/1.1 200 OK\r\nServ", 200));
}

TEST_F(HttpProbe, FailsWhenTheBackendResetsTheConnection) {
    auto const outcome = probe_backend_that(resets());
    EXPECT_EQ(outcome.code, L7RSP);
    EXPECT_TRUE(outcome.error == ECONNRESET || outcome.error == EPIPE) << outcome.error;
}

TEST_F(HttpProbe, FailsWhenTheBackendClosesBeforeItReadTheRequest) {
    EXPECT_EQ(probe_backend_that(closes()).code, L7RSP);
}

} // namespace pointsman::test
