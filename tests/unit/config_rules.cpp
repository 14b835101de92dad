// Keys of the rules of health and judgement.
#include "controller/config/parse.hpp"
#include "controller/config/values.hpp"

#include <gtest/gtest.h>

namespace pointsman {
namespace {

using namespace std::chrono_literals;

std::string file_with(std::string const& health, std::string const& service = {}) {
    return "[datapath]\ninterfaces = [\"eth0\"]\n[health]\n" + health +
           "[[service]]\nname = \"web\"\naddress = \"10.77.0.100\"\nport = 80\n" + service +
           "[[service.backend]]\nname = \"b1\"\naddress = \"10.77.0.2\"\nport = 80\n";
}

std::string remarks_on(std::string const& text) {
    auto const parsed = parse_config(text, "pointsman.toml");
    return render(parsed.diagnostics, parsed.text, false);
}

TEST(ConfigRules, ReadsEveryKeyOfTheRules) {
    auto const parsed =
        parse_config(file_with("window = \"3/5\"\ninit = \"last\"\npassive = \"eject\"\ndamping = \"30s\"\n",
                               "panic_margin = 20\nhealthy_low = 2\nhealthy_high = 3\nslow_start = \"1m\"\n"),
                     "pointsman.toml");
    ASSERT_TRUE(parsed.state);
    auto const& service = parsed.state->services.front();
    auto const& policy = service.backends.front().check->policy;
    EXPECT_EQ(policy.window, (Window{3, 5}));
    EXPECT_EQ(policy.init, Init::last);
    EXPECT_EQ(policy.passive, Passive::eject);
    EXPECT_EQ(policy.damping, 30s);
    EXPECT_EQ(service.panic_margin, 20U);
    EXPECT_EQ(service.healthy_low, 2U);
    EXPECT_EQ(service.healthy_high, 3U);
    EXPECT_EQ(service.slow_start, 1min);
}

TEST(ConfigRules, TheUpperWatermarkFollowsTheLowerOne) {
    auto const parsed = parse_config(file_with("", "healthy_low = 4\n"), "pointsman.toml");
    ASSERT_TRUE(parsed.state);
    EXPECT_EQ(parsed.state->services.front().healthy_high, 4U);
}

TEST(ConfigRules, AnUpperWatermarkBelowTheLowerOneIsRefused) {
    EXPECT_EQ(remarks_on(file_with("", "healthy_low = 3\nhealthy_high = 2\n")),
              R"(pointsman.toml:9:16: error: healthy_high (2) is below healthy_low (3)
    9 | healthy_high = 2
      |                ^ the address would be withdrawn and announced again at once
)");
}

TEST(ConfigRules, HandshakesReplaceOnlyProbesThatOnlyConnect) {
    EXPECT_EQ(remarks_on(file_with("passive = \"replace\"\n")), "");
    EXPECT_EQ(
        remarks_on(file_with("", "check.type = \"http\"\ncheck.passive = \"replace\"\n")),
        R"(pointsman.toml:9:17: error: passive = "replace" is for checks of type tcp that only connect: a client's handshake does not show what this check of type "http" asks
    9 | check.passive = "replace"
      |                 ^^^^^^^^^ write passive = "probe" for this check
)");
    EXPECT_NE(remarks_on(file_with("", "check.send = \"PING\"\ncheck.passive = \"replace\"\n")), "");
}

TEST(ConfigRules, ACheckOfAnotherKindMayInheritThatHandshakesReplaceProbes) {
    EXPECT_EQ(remarks_on(file_with("passive = \"replace\"\n", "check.type = \"http\"\n")), "");
    EXPECT_EQ(remarks_on(file_with("passive = \"replace\"\n", "forward = \"dsr\"\n")), "");
}

TEST(ConfigRules, HandshakesThatNobodySeesReplaceNothing) {
    EXPECT_NE(remarks_on(file_with("", "forward = \"dsr\"\ncheck.passive = \"replace\"\n"))
                  .find("warning: passive = \"replace\" replaces no probe of service `web`"),
              std::string::npos);
}

TEST(ConfigRules, AWindowIsSoManyOfSoMany) {
    EXPECT_EQ(parse_window("1/1"), (Window{1, 1}));
    EXPECT_EQ(parse_window("32/32"), (Window{32, 32}));
    for (auto const* text : {"", "3", "/", "3/", "/5", "0/5", "6/5", "1/33", "3/5/7", "a/b", "-1/5", "3 / 5"})
        EXPECT_EQ(parse_window(text), std::nullopt) << text;
    EXPECT_EQ(remarks_on(file_with("window = \"6/5\"\n")),
              R"(pointsman.toml:4:10: error: `window = "6/5"` is not a window of probes
    4 | window = "6/5"
      |          ^^^^^ write "FAILED/OF" such as "3/5", of at most 32, in quotes
)");
}

TEST(ConfigRules, FallBesideAWindowIsIdleAndWarnedOf) {
    EXPECT_EQ(remarks_on(file_with("fall = 3\nwindow = \"3/5\"\n")),
              R"(pointsman.toml:4:1: warning: `fall` has no effect beside `window`
    4 | fall = 3
      | ^^^^ remove one of them
)");
}

} // namespace
} // namespace pointsman
