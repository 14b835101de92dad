// What drops, sessions, why, plan and probe print for people.
#include "controller/cli/question_text.hpp"
#include "controller/cli/terminal.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace pointsman {
namespace {

namespace json = boost::json;

json::object parsed(char const* text) {
    return json::parse(text).as_object();
}

char const* const drops = R"json({"schema": "pointsman.drops/1", "received": 26, "forwarded": 18, "passed": 5,
  "dropped": 3, "unaccounted": 0, "verdicts": [
    {"verdict": "pass_not_ours", "kind": "pass", "packets": 5, "meaning": "no", "remedy": ["no"]},
    {"verdict": "forward_to_backend", "kind": "forward", "packets": 18, "meaning": "no", "remedy": ["no"]},
    {"verdict": "drop_malformed", "kind": "drop", "packets": 3, "meaning": "It contradicts itself.",
     "remedy": ["Normal: 0.", "If it grows: a broken sender."]},
    {"verdict": "drop_ttl", "kind": "drop", "packets": 0, "meaning": "It went too far.", "remedy": []}],
  "interfaces": [
    {"name": "eth0", "received": 26, "forwarded": 18, "passed": 5, "dropped": 3, "unaccounted": 0,
     "verdicts": [{"verdict": "drop_malformed", "kind": "drop", "packets": 3},
                  {"verdict": "drop_ttl", "kind": "drop", "packets": 0}]},
    {"name": "(other)", "received": 0, "forwarded": 0, "passed": 0, "dropped": 0, "unaccounted": 0,
     "verdicts": []}]})json";

TEST(CliDrops, AddUpAndExplainThemselves) {
    auto counted = parsed(drops);
    keep_counted(counted);
    EXPECT_EQ(counted.at("interfaces").at(0).at("verdicts").as_array().size(), 1U);
    EXPECT_EQ(drops_text(counted), R"(received 26 = forwarded 18 + passed 5 + dropped 3

interface  received  forwarded  passed  dropped
eth0       26        18         5       3

verdict             packets
pass_not_ours       5
forward_to_backend  18
drop_malformed      3

drop_malformed
  It contradicts itself.
  Normal: 0.
  If it grows: a broken sender.
)");
}

TEST(CliDrops, ShowWhatNobodyAccountsFor) {
    auto counted = parsed(drops);
    counted["unaccounted"] = 2;
    EXPECT_NE(drops_text(counted).find("dropped 3\nunaccounted 2\n"), std::string::npos);
}

char const* const session =
    R"({"client": "10.77.0.1:40000", "service": "web", "backend": "b1", "protocol": "tcp",
  "destination": "10.77.0.100:80", "forward": "nat", "nat": "10.77.0.5:1024", "state": "established", "age_ms": 125000, "idle_ms": 900})";

TEST(CliSessions, AreATableWithTheirNumber) {
    json::object list{{"schema", "pointsman.sessions/1"}, {"total", 1}, {"listed", 1}};
    list["sessions"] = json::array{parsed(session)};
    EXPECT_EQ(sessions_text(list),
              R"(client           service  backend  forward  nat             protocol  state        age  idle
10.77.0.1:40000  web      b1       nat      10.77.0.5:1024  tcp       established  2m   0s
1 session
)");
    auto direct = parsed(session);
    direct["client"] = "[2001:db8::7]:40000";
    direct["forward"] = "dsr";
    direct["nat"] = nullptr;
    list["sessions"] = json::array{direct};
    EXPECT_NE(sessions_text(list).find("\n[2001:db8::7]:40000  web      b1       dsr      -    tcp "),
              std::string::npos)
        << sessions_text(list);
    list["total"] = 7;
    EXPECT_TRUE(sessions_text(list).ends_with("\n7 sessions, 1 of them listed; --limit lists more\n"));
}

TEST(CliWhy, IsOneLineForEachStep) {
    EXPECT_EQ(
        why_text(parsed(R"({"from": "10.0.0.1:1", "to": "10.0.0.2:80", "protocol": "tcp", "generation": 3,
        "backend": "web/b1", "verdict": "forward_to_backend", "steps": [
          {"step": "hash", "text": "flow hash 00"}, {"step": "verdict", "text": "forward_to_backend: on its way"}]})")),
        "10.0.0.1:1 -> 10.0.0.2:80/tcp  generation 3\n"
        "  hash     flow hash 00\n"
        "  verdict  forward_to_backend: on its way\n"
        "reaches web/b1\n");
    EXPECT_TRUE(
        why_text(parsed(R"({"from": "a", "to": "b", "protocol": "udp", "generation": 3, "backend": null,
        "verdict": "drop_no_backend", "steps": []})"))
            .ends_with("\nreaches no backend: drop_no_backend\n"));
}

TEST(CliPlan, NamesChangesAndWhatTheyCost) {
    EXPECT_EQ(
        plan_text(parsed(R"({"file": "new.toml", "hash": "22", "running": {"hash": "11", "generation": 17},
        "restart_needed": ["datapath.sessions"], "sessions_cut": 3, "assumed_up": ["web/b3"], "changes": [
          {"kind": "backend", "service": "web", "backend": "b3", "was": "absent", "now": "up"},
          {"kind": "backend", "service": "web", "backend": "b2", "was": "up", "now": "absent"},
          {"kind": "backend", "service": "web", "backend": "b1", "was": "up", "now": "up"},
          {"kind": "weight", "service": "web", "backend": "b1", "was": "50", "now": "100"},
          {"kind": "service", "service": "dns", "was": "absent", "now": "10.0.0.1:53/udp"}],
        "services": [{"name": "web", "slots": 16381, "slots_moved": 5460, "new_flows_moved_percent": 33.33,
                      "sessions_cut": 3, "on_down": "reset"},
                     {"name": "dns", "slots": 0, "slots_moved": 0, "new_flows_moved_percent": 0,
                      "sessions_cut": 0, "on_down": "drop"}]})")),
        R"(new.toml (22) against generation 17 (11)
  + backend web/b3  up
  - backend web/b2  was up
  ~ backend web/b1  up, begins anew
  ~ weight web/b1  50 -> 100
  + service dns  10.0.0.1:53/udp
  web: 33.3 % of new flows lead elsewhere, 3 sessions cut (on_down reset)
  dns: 0.0 % of new flows lead elsewhere, 0 sessions cut
  once these new backends have passed a probe: web/b3
a reload will be refused: a restart is needed to change datapath.sessions
)");
}

TEST(CliProbe, ShowsEachStepWithItsTime) {
    EXPECT_EQ(
        probe_text(parsed(R"({"service": "web", "backend": "b1", "target": "10.77.0.2:80", "type": "http",
        "passed": false, "outcome": "L7STS", "because": "l7_status", "duration_us": 1250, "status": 503,
        "first_bytes": "HTTP/1.1 503\\x0d", "steps": [{"step": "connect", "at_us": 90}, {"step": "send", "at_us": 110},
        {"step": "first_byte", "at_us": 1100}, {"step": "verdict", "at_us": 1250}]})")),
        R"(web/b1  http 10.77.0.2:80
  connect     0.09 ms
  send        0.11 ms
  first_byte  1.10 ms
  verdict     1.25 ms  L7STS l7_status
  status: 503
  answer: HTTP/1.1 503\x0d
)");
}

TEST(CliProbe, ShowsBothWaysAndWhereTheFaultIs) {
    EXPECT_EQ(
        probe_text(parsed(
            R"({"service": "web", "backend": "b1", "target": "10.77.0.2:80", "type": "tcp", "via": "service",
        "passed": false, "outcome": "L4TOUT", "because": "l4_timeout", "duration_us": 500000, "fault": "path",
        "steps": [{"step": "verdict", "at_us": 500000}],
        "direct": {"service": "web", "backend": "b1", "target": "10.77.0.2:80", "type": "tcp", "via": "direct",
        "passed": true, "outcome": "L4OK", "because": "l4_ok", "duration_us": 90,
        "steps": [{"step": "connect", "at_us": 80}, {"step": "verdict", "at_us": 90}]}})")),
        R"(web/b1  tcp 10.77.0.2:80 on its service's way
  verdict  500.00 ms  L4TOUT l4_timeout
directly: web/b1  tcp 10.77.0.2:80
  connect  0.08 ms
  verdict  0.09 ms  L4OK l4_ok
direct probe passes, path probe fails: the backend serves, and its clients are not served
)");
}

TEST(CliTerminal, WrapsAtBlanks) {
    EXPECT_EQ(wrap("one two three four", 9, 2), "  one two\n  three\n  four\n");
    EXPECT_EQ(wrap("a-word-that-is-too-long and", 8, 0), "a-word-that-is-too-long\nand\n");
    EXPECT_EQ(wrap("", 8, 2), "  \n");
}

} // namespace
} // namespace pointsman
