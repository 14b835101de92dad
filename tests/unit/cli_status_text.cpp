// What `pointsman status` and `pointsman events` print for people.
#include "controller/cli/status_text.hpp"
#include "controller/cli/terminal.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include <cstdlib>

namespace pointsman {
namespace {

namespace json = boost::json;

json::object const status = json::parse(R"({
  "schema": "pointsman.status/1", "version": "0.1.0", "generation": 17,
  "config": {"file": "/etc/pointsman/pointsman.toml", "hash": "00112233", "loaded": "2026-11-20T05:00:00Z"},
  "interfaces": [{"name": "eth0", "attach": "tc", "why": "veth carries packets"}],
  "services": [
    {"name": "web", "address": "10.77.0.100", "port": 80, "protocol": "tcp", "forward": "nat", "on_down": "reset",
     "healthy": 1, "total": 3, "panic": false, "backends": [
       {"name": "b1", "address": "10.77.0.2", "port": 8080, "state": "up", "because": "l7_ok", "weight": 100,
        "sessions": 12, "connections": 345, "last_probe": {"outcome": "L7OK", "duration_us": 1250, "ago_ms": 900}},
       {"name": "backend-two", "address": "10.77.0.3", "port": 80, "state": "down", "because": "l4_refused", "weight": 5,
        "sessions": 0, "connections": 6, "last_probe": {"outcome": "L4CON", "duration_us": 80, "ago_ms": 130000}},
       {"name": "b3", "address": "10.77.0.4", "port": 80, "state": "drain", "because": "operator", "weight": 0,
        "sessions": 0, "connections": 0, "last_probe": null}]},
    {"name": "dns", "address": "10.77.0.101", "port": "53-54", "protocol": "udp", "forward": "nat", "on_down": "drop",
     "healthy": 0, "total": 0, "panic": true, "backends": []}]})")
                                .as_object();

TEST(CliStatusText, ShowsEveryServiceAsATable) {
    EXPECT_EQ(status_text(status, false),
              R"(pointsman 0.1.0  generation 17  /etc/pointsman/pointsman.toml (00112233)
interface eth0  tc: veth carries packets

web  10.77.0.100:80/tcp  nat, on_down reset  1/3 up
  backend      address         state  because     weight  sessions  connections  last probe
  b1           10.77.0.2:8080  up     l7_ok       100     12        345          L7OK in 1.2 ms, 0s ago
  backend-two  10.77.0.3:80    down   l4_refused  5       0         6            L4CON in 0.0 ms, 2m ago
  b3           10.77.0.4:80    drain  operator    0       0         0            -

dns  10.77.0.101:53-54/udp  nat, on_down drop  0/0 up  PANIC: health is ignored
  backend  address  state  because  weight  sessions  connections  last probe
)");
}

TEST(CliStatusText, NamesWhatAnAgentAsksForAndSaysInVain) {
    auto asked = status;
    auto& b1 = asked["services"].at(0).at("backends").at(0).as_object();
    b1["state"] = "maint";
    b1["because"] = "asked_for_maint";
    b1["agent_weight_percent"] = 50;
    b1["checks"] = json::parse(R"([
        {"name": "tcp", "type": "tcp", "state": "up", "last_probe": {"outcome": "L4OK", "text": "not shown"}},
        {"name": "word", "type": "agent", "state": "maint", "last_probe": {"outcome": "L7OK", "text": "ignored: \"x\""}}])");
    auto const text = status_text(asked, false);
    EXPECT_NE(text.find("maint  asked_for_maint by word  100, agent 50 %"), std::string::npos) << text;
    EXPECT_NE(text.find("0s ago; agent: ignored: \"x\"\n"), std::string::npos) << text;
}

TEST(CliStatusText, ShowsAlarmsInForceBeforeAllElse) {
    auto alarmed = status;
    alarmed["alarms"] = json::array{json::object{{"because", "no_ports"}, {"text", "no local port is free"}}};
    EXPECT_TRUE(status_text(alarmed, false)
                    .starts_with("pointsman 0.1.0  generation 17  /etc/pointsman/pointsman.toml (00112233)\n"
                                 "ALARM no_ports: no local port is free\ninterface eth0"));
}

TEST(CliStatusText, ColoursWholeLinesByState) {
    auto const text = status_text(status, true);
    EXPECT_NE(text.find("\n\033[32m  b1 "), std::string::npos);
    EXPECT_NE(text.find("2m ago\033[0m\n\033[33m  b3 "), std::string::npos);
    EXPECT_NE(text.find("\n\033[31m  backend-two "), std::string::npos);
}

std::string record(char const* text) {
    return record_text(json::parse(text).as_object());
}

TEST(CliRecordText, ShowsATransitionWithItsCauseAndTimes) {
    EXPECT_EQ(
        record(
            R"({"schema": "pointsman.audit/1", "seq": 41, "ts": "2026-11-20T05:22:29.123456Z", "kind": "health",
                         "service": "web", "backend": "b1", "was": "up", "now": "down", "because": "l4_refused",
                         "detect_us": 52000, "cause_seq": 40})"),
        "2026-11-20T05:22:29.123456Z  #41  health  web/b1  up -> down  because=l4_refused  detect_us=52000  "
        "cause_seq=40");
}

TEST(CliRecordText, ShowsAPublishWithItsGenerations) {
    EXPECT_EQ(record(R"({"seq": 42, "ts": "T", "kind": "publish", "switch_us": 310, "cause_seq": 41,
                         "generation": {"from": 16, "to": 17, "slots_moved": 8190}})"),
              "T  #42  publish  switch_us=310  cause_seq=41  generation=16->17");
    EXPECT_EQ(record(R"({"seq": 43, "ts": "T", "kind": "heartbeat", "generation": 17})"),
              "T  #43  heartbeat  generation=17");
}

TEST(CliRecordText, ShowsAServiceWithoutABackend) {
    EXPECT_EQ(
        record(R"({"seq": 1, "ts": "T", "kind": "panic", "service": "web", "was": "off", "now": "on"})"),
        "T  #1  panic  web  off -> on");
}

TEST(CliRecordText, SurvivesARecordThatLacksEverything) {
    EXPECT_EQ(record("{}"), "  #  ");
}

TEST(CliTerminal, AlignsColumnsTwoBlanksApartAndCutsTrailingBlanks) {
    EXPECT_EQ(align({{"a", "bb", "c"}, {"aaa", "b", ""}, {"", "b"}}), "a    bb  c\naaa  b\n     b\n");
    EXPECT_EQ(align({}), "");
}

TEST(CliTerminal, SaysHowLongAgoRoughly) {
    std::string text;
    for (long const seconds : {-5L, 0L, 119L, 120L, 7199L, 7200L, 172'799L, 172'800L, 864'000L})
        text += rough_age(seconds) + " ";
    EXPECT_EQ(text, "0s 0s 119s 2m 119m 2h 47h 2d 10d ");
}

TEST(CliTerminal, AFileGetsNoColour) {
    std::FILE* const file = std::tmpfile();
    ASSERT_NE(file, nullptr);
    EXPECT_FALSE(wants_colour(file));
    std::fclose(file);
}

} // namespace
} // namespace pointsman
