#include "healthcheck/probe_http_message.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace pointsman {

namespace {

using namespace std::string_view_literals;
using Progress = HttpAnswer::Progress;

ProbeTarget http_target(std::string_view address, std::uint16_t port) {
    ProbeTarget target{*Address::parse(address), port, {}};
    target.check.own().type = CheckType::http;
    return target;
}

/// The progress after all of `text` came in pieces of `size` octets.
Progress progress_of(std::string_view text, std::size_t size) {
    HttpAnswer answer;
    auto progress = Progress::incomplete;
    for (; !text.empty(); text.remove_prefix(std::min(size, text.size())))
        progress = answer.take(text.substr(0, size));
    return progress;
}

} // namespace

TEST(HttpRequest, AsksForThePathAndClosesAfterwards) {
    auto target = http_target("10.0.0.1", 8080);
    target.check.own().path = "/healthz?deep=1";
    EXPECT_EQ(request_text(target), "GET /healthz?deep=1 HTTP/1.1\r\n"
                                    "Host: 10.0.0.1:8080\r\n"
                                    "User-Agent: pointsman/" POINTSMAN_VERSION "\r\n"
                                    "Connection: close\r\n\r\n");
}

TEST(HttpRequest, NamesTheConfiguredHostAndMethod) {
    auto target = http_target("10.0.0.1", 8080);
    target.check.own().method = "HEAD";
    target.check.own().host = "www.example.org";
    EXPECT_EQ(request_text(target), "HEAD / HTTP/1.1\r\n"
                                    "Host: www.example.org\r\n"
                                    "User-Agent: pointsman/" POINTSMAN_VERSION "\r\n"
                                    "Connection: close\r\n\r\n");
}

TEST(HttpRequest, PutsAnIpv6AddressInBracketsAndLeavesOutPort80) {
    EXPECT_NE(request_text(http_target("2001:db8::1", 80)).find("\r\nHost: [2001:db8::1]\r\n"),
              std::string::npos);
    EXPECT_NE(request_text(http_target("2001:db8::1", 81)).find("\r\nHost: [2001:db8::1]:81\r\n"),
              std::string::npos);
}

TEST(HttpStatusLine, IsReadWithAndWithoutReasonPhrase) {
    EXPECT_EQ(parse_status_line("HTTP/1.1 200 OK"), 200U);
    EXPECT_EQ(parse_status_line("HTTP/1.0 404 Not Found"), 404U);
    EXPECT_EQ(parse_status_line("HTTP/1.1 200 "), 200U);
    EXPECT_EQ(parse_status_line("HTTP/1.1 200"), 200U);
    EXPECT_EQ(parse_status_line("HTTP/1.1   999 \xc3\xa9"), 999U);
}

TEST(HttpStatusLine, IsRejectedWhenMalformed) {
    for (auto const line :
         {""sv, "HTTP/1.1"sv, "HTTP/1.1 "sv, "HTTP/1.1 20"sv, "HTTP/1.1 2000"sv, "HTTP/1.1 200OK"sv,
          "HTTP/1.1 099 Low"sv, "HTTP/1.1 2x0 OK"sv, "HTTP/1. 200 OK"sv, "HTTP/1.1\t200 OK"sv, "HTTP/2 200"sv,
          "HTTP/0.9 200"sv, "http/1.1 200 OK"sv, " HTTP/1.1 200 OK"sv, "HTTP/1.1 200 O\0K"sv,
          "HTTP/1.1 200 O\rK"sv, "HTTP/1.1 -20 OK"sv, "ICY 200 OK"sv})
        EXPECT_EQ(parse_status_line(line), std::nullopt) << line;
}

TEST(HttpAnswer, IsTheSameWhateverPiecesItComesIn) {
    auto const text =
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nServer: x\r\n folded\r\n\r\n"sv;
    for (std::size_t size = 1; size <= text.size(); ++size) {
        HttpAnswer answer;
        auto progress = Progress::incomplete;
        for (auto rest = text; !rest.empty(); rest.remove_prefix(std::min(size, rest.size()))) {
            ASSERT_EQ(progress, Progress::incomplete);
            progress = answer.take(rest.substr(0, size));
        }
        EXPECT_EQ(progress, Progress::complete);
        EXPECT_EQ(answer.status(), 204U);
        EXPECT_EQ(answer.first_bytes(), "HTTP/1.1 204 No Content\r\nServer: x\r\n folded\r\n\r\n");
    }
}

TEST(HttpAnswer, MayEndItsLinesInLfAlone) {
    EXPECT_EQ(progress_of("HTTP/1.1 200 OK\nServer: x\n\n", 3), Progress::complete);
}

TEST(HttpAnswer, IsNotCompleteBeforeItsEmptyLine) {
    EXPECT_EQ(progress_of("HTTP/1.1 200 OK\r\nServer: x\r\n\r", 100), Progress::incomplete);
}

TEST(HttpAnswer, NeedsNoFields) {
    EXPECT_EQ(progress_of("HTTP/1.1 200\r\n\r\n", 1), Progress::complete);
}

TEST(HttpAnswer, TakesSwitchingProtocolsForAFinalAnswer) {
    EXPECT_EQ(progress_of("HTTP/1.1 101 Switching Protocols\r\n\r\n", 100), Progress::complete);
}

TEST(HttpAnswer, IsInvalidAtTheFirstOctetThatCannotBeginAStatusLine) {
    EXPECT_EQ(progress_of("H", 1), Progress::incomplete);
    EXPECT_EQ(progress_of("HTTP/1", 1), Progress::incomplete);
    EXPECT_EQ(progress_of("HTTX", 1), Progress::invalid);
    EXPECT_EQ(progress_of("220 smtp ready", 100), Progress::invalid);
    EXPECT_EQ(progress_of("\r\nHTTP/1.1 200 OK\r\n\r\n", 100), Progress::invalid);
}

TEST(HttpAnswer, IsInvalidWithAMalformedField) {
    EXPECT_EQ(progress_of("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", 100), Progress::invalid);
    EXPECT_EQ(progress_of("HTTP/1.1 200 OK\r\n: no name\r\n\r\n", 100), Progress::invalid);
    EXPECT_EQ(progress_of("HTTP/1.1 200 OK\r\na: \0\r\n\r\n"sv, 100), Progress::invalid);
    EXPECT_EQ(progress_of("HTTP/1.1 200 OK\r\na: b\rc\r\n\r\n", 100), Progress::invalid);
}

TEST(HttpAnswer, ReadsOver16InterimAnswersAndNotOneMore) {
    std::string text;
    for (unsigned i = 0; i < HttpAnswer::interim_limit; ++i)
        text += "HTTP/1.1 100 Continue\r\n\r\n";
    EXPECT_EQ(progress_of(text + "HTTP/1.1 200 OK\r\n\r\n", 7), Progress::complete);
    EXPECT_EQ(progress_of(text + "HTTP/1.1 100 Continue\r\n\r\n", 7), Progress::invalid);
}

TEST(HttpAnswer, EndsWithin16KibibytesOrIsInvalid) {
    std::string const begin = "HTTP/1.1 200 OK\r\nX: ";
    auto const padded = [&](std::size_t size) {
        return begin + std::string(size - begin.size() - 4, 'x') + "\r\n\r\n";
    };
    EXPECT_EQ(progress_of(padded(HttpAnswer::octet_limit), 1000), Progress::complete);
    EXPECT_EQ(progress_of(padded(HttpAnswer::octet_limit + 1), 1000), Progress::invalid);
}

TEST(HttpAnswer, RemembersNoMoreThan64FirstBytes) {
    HttpAnswer answer;
    EXPECT_EQ(answer.take(std::string(5000, '\xff')), Progress::invalid);
    EXPECT_EQ(answer.first_bytes(), std::string(64, '\xff'));
}

TEST(HttpAnswer, StaysAsItWasOnceItIsComplete) {
    HttpAnswer answer;
    EXPECT_EQ(answer.take("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 500 Body\r\n\r\n"), Progress::complete);
    EXPECT_EQ(answer.take("garbage"), Progress::complete);
    EXPECT_EQ(answer.status(), 200U);
}

} // namespace pointsman
