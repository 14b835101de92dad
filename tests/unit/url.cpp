// The targets of requests, taken apart and put together.
#include "controller/api/url.hpp"

#include <gtest/gtest.h>

namespace pointsman {
namespace {

TEST(Url, HasAPathAndAQueryByName) {
    auto const url = parse_url("/v1/sessions?service=web&limit=10&all");
    ASSERT_TRUE(url.has_value());
    EXPECT_EQ(url->path, "/v1/sessions");
    EXPECT_EQ(url->get("service"), "web");
    EXPECT_EQ(url->get("limit"), "10");
    EXPECT_TRUE(url->has("all"));
    EXPECT_EQ(url->get("all"), "");
    EXPECT_FALSE(url->has("backend"));
    EXPECT_EQ(url->get("backend"), "");
}

TEST(Url, WithoutAQueryIsItsPath) {
    EXPECT_EQ(parse_url("/metrics")->path, "/metrics");
    EXPECT_TRUE(parse_url("/metrics?")->query.empty());
    EXPECT_TRUE(parse_url("/metrics?&&=x")->query.empty());
}

TEST(Url, OfANameThatOccursTwiceTheFirstCounts) {
    EXPECT_EQ(parse_url("/?a=1&a=2")->get("a"), "1");
}

TEST(Url, RefusesAnEscapeThatIsNone) {
    for (char const* target : {"/?a=%", "/?a=%2", "/?a=%zz", "/?%4=1", "/?a=%-1"})
        EXPECT_FALSE(parse_url(target).has_value()) << target;
}

TEST(Url, WhatIsEscapedComesBack) {
    std::string all;
    for (int octet = 0; octet < 256; ++octet)
        all += static_cast<char>(octet);
    EXPECT_EQ(parse_url("/?x=" + escape_query(all))->get("x"), all);
    EXPECT_EQ(escape_query("web/b1 [::1]:80"), "web/b1%20%5B%3A%3A1%5D%3A80");
}

} // namespace
} // namespace pointsman
