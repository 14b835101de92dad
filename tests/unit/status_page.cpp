#include "controller/app/status_page.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace pointsman {
namespace {

std::string page_of(std::string const& text) {
    return status_page(boost::json::parse(text).as_object());
}

TEST(StatusPage, ShowsEveryServiceAndBackendAndNothingOfTheirTextAsMarkup) {
    auto const page = page_of(R"({"version": "0.1.0", "generation": 7, "config": {"file": "/etc/<b>.toml"},
        "alarms": [{"because": "no_room", "text": "a & b"}],
        "services": [{"name": "web", "address": "10.77.0.100", "port": 80, "protocol": "tcp", "forward": "nat",
          "healthy": 0, "total": 1, "panic": true, "backends": [{"name": "b1", "address": "10.77.0.2", "port": 8080,
          "state": "down", "because": "l4_refused", "since": "2026-11-20T03:12:07Z", "weight": 100, "sessions": 3,
          "last_probe": null}]}]})");
    EXPECT_TRUE(page.starts_with("<!doctype html>"));
    EXPECT_NE(page.find("/etc/&lt;b&gt;.toml"), std::string::npos);
    EXPECT_NE(page.find("<p class=\"alarm\">no_room: a &amp; b</p>"), std::string::npos);
    EXPECT_NE(page.find("<h2>web</h2>\n<p>10.77.0.100 port 80/tcp, nat: 0 of 1 healthy, <b "
                        "class=\"alarm\">panic</b></p>"),
              std::string::npos);
    EXPECT_NE(
        page.find("<tr><td>b1</td><td>10.77.0.2 port 8080</td><td class=\"down\">down</td><td>l4_refused</td>"
                  "<td>2026-11-20T03:12:07Z</td><td>100</td><td>3</td><td></td></tr>"),
        std::string::npos);
}

} // namespace
} // namespace pointsman
