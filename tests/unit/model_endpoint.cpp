#include "controller/model/endpoint.hpp"

#include <gtest/gtest.h>

namespace pointsman {
namespace {

TEST(Endpoint, IsWrittenAsItIsRead) {
    for (char const* text : {"10.0.0.1:80", "[fd00::1]:65535", "[::]:1"}) {
        auto const endpoint = Endpoint::parse(text);
        ASSERT_TRUE(endpoint.has_value()) << text;
        EXPECT_EQ(endpoint->text(), text);
    }
    EXPECT_EQ(Endpoint::parse("10.0.0.1:80")->port, 80);
}

TEST(Endpoint, RefusesWhatIsNone) {
    for (char const* text :
         {"", ":80", "10.0.0.1", "10.0.0.1:", "10.0.0.1:0", "10.0.0.1:65536", "10.0.0.1:8o", "fd00::1:80",
          "[10.0.0.1]:80", "[fd00::1]", "localhost:80", "10.0.0.1:-1"})
        EXPECT_FALSE(Endpoint::parse(text).has_value()) << text;
}

} // namespace
} // namespace pointsman
