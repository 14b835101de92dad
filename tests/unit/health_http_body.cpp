// The body of an HTTP answer, out of its framing.
#include "healthcheck/probe_http_body.hpp"

#include <gtest/gtest.h>

namespace pointsman {
namespace {

using enum HttpBody::Progress;
using Kind = BodyFraming::Kind;

struct Read {
    HttpBody::Progress progress;
    std::string content;

    friend bool operator==(Read const&, Read const&) = default;
    friend void PrintTo(Read const& read, std::ostream* out) {
        *out << static_cast<int>(read.progress) << " " << testing::PrintToString(read.content);
    }
};

/// In pieces of `size` octets.
Read read_in_pieces(BodyFraming framing, std::string_view octets, std::size_t size) {
    HttpBody body{framing, "GET", 200};
    Read read{incomplete, {}};
    for (; !octets.empty(); octets.remove_prefix(std::min(size, octets.size())))
        read.progress = body.take(octets.substr(0, size), read.content);
    return read;
}

TEST(HttpBody, EndsAtItsLength) {
    for (std::size_t const size : {1U, 3U, 100U})
        EXPECT_EQ(read_in_pieces({Kind::length, 5}, "helloHTTP/1.1", size), (Read{complete, "hello"}));
}

TEST(HttpBody, EndsWithTheConnectionWhenNothingTellsItsLength) {
    HttpBody body{{}, "GET", 200};
    std::string content;
    EXPECT_EQ(body.take("hello", content), incomplete);
    EXPECT_EQ(body.end(), complete);
    EXPECT_EQ(content, "hello");
}

TEST(HttpBody, IsPutTogetherFromChunks) {
    for (std::size_t const size : {1U, 2U, 7U, 100U})
        EXPECT_EQ(read_in_pieces({Kind::chunked, 0},
                                 "5\r\nhello\r\n1;x=\"y\"\r\n \r\nA\nworldworld\n0\r\nX: y\r\n\r\nmore",
                                 size),
                  (Read{complete, "hello worldworld"}));
}

TEST(HttpBody, IsInvalidInChunksThatAreNone) {
    for (auto const* chunks : {"hello\r\n", "-1\r\n", "5\r\nhelloworld\r\n", "fffffffffffffffff\r\n"})
        EXPECT_EQ(read_in_pieces({Kind::chunked, 0}, chunks, 100).progress, invalid) << chunks;
    EXPECT_EQ(read_in_pieces({Kind::chunked, 0}, std::string(2000, '0'), 100).progress, invalid);
}

TEST(HttpBody, IsCutShortWhenTheConnectionEndsFirst) {
    std::string content;
    HttpBody body{{Kind::length, 10}, "GET", 200};
    EXPECT_EQ(body.take("hello", content), incomplete);
    EXPECT_EQ(body.end(), invalid);
}

TEST(HttpBody, IsEmptyWhereThereCanBeNone) {
    EXPECT_EQ((HttpBody{{Kind::length, 10}, "HEAD", 200}.progress()), complete);
    EXPECT_EQ((HttpBody{{Kind::length, 10}, "GET", 204}.progress()), complete);
    EXPECT_EQ((HttpBody{{Kind::length, 0}, "GET", 200}.progress()), complete);
}

BodyFraming framing_of(std::string const& fields) {
    HttpAnswer answer;
    EXPECT_EQ(answer.take("HTTP/1.1 200 OK\r\n" + fields + "\r\n"), HttpAnswer::Progress::complete);
    return answer.framing();
}

TEST(HttpFraming, IsToldByTheHead) {
    EXPECT_EQ(framing_of(""), (BodyFraming{Kind::until_close, 0}));
    EXPECT_EQ(framing_of("content-LENGTH: \t12 \r\n"), (BodyFraming{Kind::length, 12}));
    EXPECT_EQ(framing_of("Transfer-Encoding: gzip, Chunked\r\nContent-Length: 3\r\n"),
              (BodyFraming{Kind::chunked, 0}));
    EXPECT_EQ(framing_of("Content-Length: 3\r\nContent-Length: 3\r\n"), (BodyFraming{Kind::length, 3}));
    for (auto const* bad :
         {"Content-Length: -3\r\n", "Content-Length: 3x\r\n", "Content-Length:\r\n",
          "Content-Length: 3\r\nContent-Length: 4\r\n", "Content-Length: 99999999999999999999\r\n"})
        EXPECT_EQ(framing_of(bad).kind, Kind::invalid) << bad;
}

TEST(HttpFraming, HandsOnWhatCameBehindTheHead) {
    HttpAnswer answer;
    EXPECT_EQ(answer.take("HTTP/1.1 200 OK\r\n"), HttpAnswer::Progress::incomplete);
    std::string_view const last = "A: b\r\n\r\nbody";
    EXPECT_EQ(answer.take(last), HttpAnswer::Progress::complete);
    EXPECT_EQ(answer.body_of(last), "body");
}

} // namespace
} // namespace pointsman
