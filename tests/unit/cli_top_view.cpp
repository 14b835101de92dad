// What `top` shows.
#include "controller/cli/top_view.hpp"

#include <boost/json/array.hpp>
#include <gtest/gtest.h>

namespace pointsman {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

json::object backend(char const* name, char const* state, std::uint64_t count) {
    return {{"name", name},
            {"state", state},
            {"packets_to_backend", 10 * count},
            {"packets_to_client", 5 * count},
            {"bytes_to_backend", 1000 * count},
            {"bytes_to_client", 9000 * count},
            {"connections", count},
            {"sessions", 7}};
}

Look look(std::chrono::seconds at, std::uint64_t first, std::uint64_t second) {
    json::object web{{"name", "web"}, {"healthy", 1}, {"total", 2}, {"panic", true}};
    web["backends"] = json::array{backend("b1", "up", first), backend("b2", "down", second)};
    json::object status{{"version", "0.1.0"}, {"generation", 17}};
    status["services"] = json::array{std::move(web)};
    return {std::move(status), std::chrono::steady_clock::time_point{at}};
}

TEST(TopView, ShowsRatesBetweenTwoLooks) {
    EXPECT_EQ(top_view(look(10s, 100, 0), look(12s, 300, 8), 24, 80),
              "pointsman 0.1.0  generation 17  q quits\r\n"
              "service/backend  state      pkt/s in  out  bit/s  conn/s  sessions\r\n"
              "web              1/2 PANIC  1.0k      520  8.3M   104     14\r\n"
              "  b1             up         1.0k      500  8.0M   100     7\r\n"
              "  b2             down       40        20   320k   4       7");
}

TEST(TopView, ACounterThatWentBackBeganAnew) {
    auto const text = top_view(look(10s, 100, 50), look(11s, 90, 50), 24, 80);
    EXPECT_NE(text.find("  b1             up         0         0    0      0       7"), std::string::npos)
        << text;
}

TEST(TopView, IsCutToTheTerminal) {
    auto const text = top_view(look(10s, 1, 1), look(11s, 1, 1), 3, 20);
    EXPECT_EQ(text, "pointsman 0.1.0  gen\r\nservice/backend  sta\r\nweb              1/2");
}

TEST(TopView, NumbersAreShort) {
    EXPECT_EQ(short_number(0), "0");
    EXPECT_EQ(short_number(999), "999");
    EXPECT_EQ(short_number(1234), "1.2k");
    EXPECT_EQ(short_number(56'789), "57k");
    EXPECT_EQ(short_number(7.5e9), "7.5G");
}

} // namespace
} // namespace pointsman
