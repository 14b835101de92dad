// HTTP probes that judge the body, and statuses that ask to drain.
#include "tests/loop/loop_test.hpp"

namespace pointsman::test {

namespace {

using enum OutcomeCode;

class HttpBodyProbe : public LoopTest {
protected:
    Outcome probe_backend_that(Script script, Expectation expect, Duration timeout = 2s) {
        ScriptedBackend backend{context, std::move(script)};
        auto probed = target(backend.port(), CheckType::http, timeout);
        probed.check.own().expect = std::move(expect);
        probed.check.own().drain_status = {{404, 404}};
        return outcome_of(probed);
    }
};

Outcome failed(OutcomeCode code, std::string text, std::string first_bytes) {
    Outcome made{code, {}, 0, 200, std::move(first_bytes)};
    made.text = std::move(text);
    return made;
}

std::string const length_5 = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
std::string const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

} // namespace

TEST_F(HttpBodyProbe, PassesWhenTheBodyHoldsWhatIsExpected) {
    Outcome const passed{L7OK, {}, 0, 200, ""};
    EXPECT_EQ(probe_backend_that(answers(length_5 + "ready"), {.text = "ready"}), passed);
    EXPECT_EQ(probe_backend_that(answers("HTTP/1.1 200 OK\r\n\r\nall ready"), {.text = "ready"}), passed);
    EXPECT_EQ(
        probe_backend_that(dribbles(chunked + "3\r\nrea\r\n2\r\ndy\r\n0\r\n\r\n", 100us), {.text = "ready"}),
        passed);
}

TEST_F(HttpBodyProbe, FailsOnAnotherBodyAsSoonAsItHasEnded) {
    EXPECT_EQ(probe_backend_that(floods(length_5 + "sorry", ""), {.text = "ready"}, 1h),
              failed(L7RSP, "the expected text is missing", "sorry"));
    EXPECT_EQ(probe_backend_that(floods(chunked + "5\r\nsorry\r\n0\r\n\r\n", ""), {.text = "ready"}, 1h),
              failed(L7RSP, "the expected text is missing", "sorry"));
}

TEST_F(HttpBodyProbe, FailsOnABodyThatIsCutShort) {
    EXPECT_EQ(probe_backend_that(answers(length_5 + "rea"), {.text = "ready"}),
              failed(L7RSP, "the body is cut short or has no valid form", "rea"));
    EXPECT_EQ(probe_backend_that(answers(chunked + "zzz\r\nready"), {.text = "ready"}),
              failed(L7RSP, "the body is cut short or has no valid form", ""));
}

TEST_F(HttpBodyProbe, LooksAtNoMoreThanItsLimitOfAGigabyte) {
    std::string const megabyte(1 << 20, 'x');
    auto const huge = "HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n";
    EXPECT_EQ(probe_backend_that(floods(huge, megabyte), {.text = "ready", .limit = 65536}, 1h),
              failed(L7RSP, "the expected text is missing", std::string(64, 'x')));
}

TEST_F(HttpBodyProbe, IsNotHeldUpByChunksThatHoldNothing) {
    std::string const extension = "1;" + std::string(1000, 'x') + "\r\ny\r\n";
    auto const outcome =
        probe_backend_that(floods(chunked, extension), {.text = "ready", .limit = 65536}, 1h);
    EXPECT_EQ(outcome.code, L7RSP);
}

TEST_F(HttpBodyProbe, KeepsItsDeadlineForABodyThatDribbles) {
    auto const started = Clock::now();
    auto const outcome = probe_backend_that(dribbles(length_5 + "ready", 10ms), {.text = "ready"}, 60ms);
    EXPECT_EQ(outcome.code, L7TOUT);
    EXPECT_LT(Clock::now() - started, 1s);
}

TEST_F(HttpBodyProbe, AsksToDrainByItsStatusWhateverTheBody) {
    auto const outcome = probe_backend_that(answers("HTTP/1.1 404 Gone fishing\r\n\r\n"), {.text = "ready"});
    EXPECT_EQ(outcome.code, L7OK);
    EXPECT_EQ(outcome.status, 404U);
    EXPECT_EQ(outcome.asks, AdminState::drain);
}

} // namespace pointsman::test
