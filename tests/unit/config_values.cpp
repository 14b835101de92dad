#include "controller/config/suggest.hpp"
#include "controller/config/values.hpp"

#include "controller/config/consistency.hpp"

#include <gtest/gtest.h>

namespace pointsman {
namespace {

using namespace std::chrono_literals;

TEST(ConfigValues, ADurationIsOneNumberAndOneUnit) {
    EXPECT_EQ(parse_duration("100us"), Duration{100us});
    EXPECT_EQ(parse_duration("250ms"), Duration{250ms});
    EXPECT_EQ(parse_duration("2s"), Duration{2s});
    EXPECT_EQ(parse_duration("15m"), Duration{15min});
    EXPECT_EQ(parse_duration("1h"), Duration{1h});
    for (auto const* text : {"", "s", "2", "2 s", " 2s", "2s ", "-2s", "+2s", "1.5s", "1h30m", "2S", "2sec",
                             "0x2s", "99999999999999999999s", "9223372036854775807h"})
        EXPECT_EQ(parse_duration(text), std::nullopt) << text;
}

TEST(ConfigValues, ADurationIsWrittenInTheLargestUnitThatFits) {
    for (auto const* text : {"0s", "100us", "250ms", "2s", "15m", "1h", "90s"})
        EXPECT_EQ(text_of(parse_duration(text).value()), text);
}

TEST(ConfigValues, APortRangeRunsUpwardsWithin1And65535) {
    EXPECT_EQ(parse_port_range("8000-8100"), (PortRange{8000, 8100}));
    EXPECT_EQ(parse_port_range("80"), (PortRange{80, 80}));
    for (auto const* text :
         {"", "-", "0-80", "80-", "-80", "81-80", "1-65536", "80 - 81", "a-b", "1-2-3", "+1-2"})
        EXPECT_EQ(parse_port_range(text), std::nullopt) << text;
}

TEST(ConfigValues, StatusesLieWithin100And599) {
    for (auto const* text : {"", ",", "200,", "99", "600", "300-200", "200-399-500", "2xx", "-200"})
        EXPECT_EQ(parse_status_list(text), std::nullopt) << text;
}

TEST(ConfigValues, NamesPathsEndpointsAndHostsAreCheckedAsAWhole) {
    EXPECT_TRUE(is_name(std::string(63, 'x')) && is_name("A-z_0.9"));
    EXPECT_FALSE(is_name("") || is_name(std::string(64, 'x')) || is_name("a b") || is_name("a/b"));
    EXPECT_TRUE(is_interface_name("eth0.100") && is_interface_name("abcdefghijklmno"));
    EXPECT_FALSE(is_interface_name("abcdefghijklmnop") || is_interface_name("a/b") ||
                 is_interface_name(".."));
    EXPECT_TRUE(is_endpoint("127.0.0.1:9470") && is_endpoint("[::1]:9470"));
    EXPECT_FALSE(is_endpoint(":80") || is_endpoint("::1:80") || is_endpoint("[127.0.0.1]:80") ||
                 is_endpoint("a:80"));
    EXPECT_TRUE(is_socket_path("/" + std::string(106, 'x')));
    EXPECT_FALSE(is_socket_path("/" + std::string(107, 'x')) || is_path("run/x") || is_path("/a\nb"));
    EXPECT_FALSE(is_http_path("healthz") || is_http_path("/a b") || is_http_path("/a\r\nX: y"));
    EXPECT_FALSE(is_http_host("") || is_http_host("a\r\nb"));
}

TEST(ConfigValues, ASuggestionIsMadeOnlyForASlip) {
    std::vector<std::string_view> const known{"address", "port", "weight", "backup"};
    EXPECT_EQ(nearest("adress", known), "address");
    EXPECT_EQ(nearest("prot", known), "port"); // neighbours swapped: one edit
    EXPECT_EQ(nearest("wieght", known), "weight");
    EXPECT_EQ(nearest("colour", known), "");
    EXPECT_EQ(nearest("ADDRESS", known), "address");
    EXPECT_EQ(nearest("addr", known), "address") << "a beginning";
    EXPECT_EQ(nearest("a", known), "");
    EXPECT_EQ(nearest(std::string(100'000, 'a'), known), "");
    EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(ConfigValues, ABackendOfAnotherAddressFamilyIsRefused) {
    DesiredState state;
    Service service;
    service.name = "web";
    service.address = Address::parse("fd00::1").value();
    service.port_first = service.port_last = 80;
    service.backends = {{"b1", Address::v4(0x0a000001), 80, 100, false, Check{}}};
    state.services = {service};
    Problems problems{"f"};
    check_consistency(state, SourceMap{}, problems);
    ASSERT_EQ(problems.sorted().size(), 1U);
    EXPECT_EQ(problems.sorted().front().message,
              "backend `b1` and its service are of different address families");
}

} // namespace
} // namespace pointsman
