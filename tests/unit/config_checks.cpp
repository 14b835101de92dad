// The check tables of the configuration.
#include "controller/config/check_files.hpp"
#include "controller/config/parse.hpp"
#include "controller/model/names.hpp"

#include <gtest/gtest.h>

namespace pointsman {
namespace {

/// Lines of `service` begin at line 6, in [[service]] "w"; those of `backend` are in its only backend.
std::string file_with(std::string const& service, std::string const& backend = {}) {
    return "[datapath]\ninterfaces = [\"eth0\"]\n[[service]]\nname = \"w\"\nport = 80\n" + service +
           "[[service.backend]]\nname = \"b\"\naddress = \"10.0.0.2\"\nport = 1\n" + backend;
}

std::string remarks(std::string const& service, std::string const& backend = {}) {
    auto const parsed = parse_config(file_with("address = \"10.0.0.1\"\n" + service, backend), "f");
    EXPECT_EQ(parsed.state.has_value(), !has_error(parsed.diagnostics));
    return render(parsed.diagnostics, parsed.text, false);
}

Backend backend_of(std::string const& service, std::string const& backend = {}) {
    auto const parsed = parse_config(file_with("address = \"10.0.0.1\"\n" + service, backend), "f");
    EXPECT_EQ(render(parsed.diagnostics, parsed.text, false), "");
    return parsed.state ? parsed.state->services.at(0).backends.at(0) : Backend{};
}

TEST(ConfigChecks, ReadsEveryKeyOfAnHttpsCheck) {
    auto const check = *backend_of(R"(check.type = "https"
check.name = "deep"
check.headers = {"X-Probe" = "a b", "Accept" = "*/*"}
check.drain_status = "404,410-411"
check.expect_body_regex = 'ok|busy'
check.body_limit = 99
check.sni = "www.example.org"
check.verify = "none"
check.ca_file = "/ca.pem"
)")
                            .check;
    EXPECT_EQ(name_of(check), "deep");
    EXPECT_EQ(check.headers, (std::vector<HttpField>{{"Accept", "*/*"}, {"X-Probe", "a b"}}));
    EXPECT_EQ(check.drain_status, (std::vector<StatusRange>{{404, 404}, {410, 411}}));
    EXPECT_EQ(check.expect.pattern.text(), "ok|busy");
    EXPECT_EQ(check.expect.limit, 99U);
    EXPECT_EQ(check.tls.sni, "www.example.org");
    EXPECT_FALSE(check.tls.verify);
    EXPECT_EQ(check.tls.ca_file, "/ca.pem");
}

TEST(ConfigChecks, ReadsTextOctetsAndWords) {
    auto const tcp = *backend_of("check = {send = \"PING\\r\\n\", expect_hex = \"2b00 FF\"}\n").check;
    EXPECT_EQ(tcp.send, "PING\r\n");
    EXPECT_EQ(tcp.expect.text, (std::string{"+\0\xff", 3}));
    auto const exec =
        *backend_of("check = {type = \"exec\", command = [\"/bin/true\", \"-x\", \"-x\"]}\n").check;
    EXPECT_EQ(exec.command, (std::vector<std::string>{"/bin/true", "-x", "-x"}));
    auto const grpc =
        *backend_of("check = {type = \"grpc\", tls = true, verify = false, grpc_service = \"a.B\"}\n").check;
    EXPECT_TRUE(grpc.tls.required);
    EXPECT_FALSE(grpc.tls.verify);
    EXPECT_EQ(grpc.grpc_service, "a.B");
}

TEST(ConfigChecks, SeveralAreAnArrayOfTables) {
    auto const backend = backend_of(R"([[service.check]]
interval = "250ms"
[[service.check]]
name = "deep"
type = "http"
)",
                                    R"([service.backend.check]
name = "deep"
path = "/b"
)");
    EXPECT_EQ(name_of(*backend.check), "tcp");
    EXPECT_EQ(backend.check->policy.interval, std::chrono::milliseconds{250});
    ASSERT_EQ(backend.more_checks.size(), 1U);
    EXPECT_EQ(backend.more_checks[0].type, CheckType::http);
    EXPECT_EQ(backend.more_checks[0].path, "/b");
}

TEST(ConfigChecks, ABackendMayHaveOneMore) {
    auto const backend =
        backend_of("", "[[service.backend.check]]\nname = \"agent\"\ntype = \"agent\"\nport = 9\n");
    EXPECT_EQ(backend.check->type, CheckType::tcp);
    ASSERT_EQ(backend.more_checks.size(), 1U);
    EXPECT_EQ(backend.more_checks[0].type, CheckType::agent);
}

TEST(ConfigChecks, ReportsEveryBadValueAtItsPlace) {
    EXPECT_EQ(remarks(R"([service.check]
type = "http"
expect_body_regex = "a(b"
drain_status = "40"
headers = {"Host" = "x", "a b" = "c", "d" = "e\nf"}
[[service]]
name = "v"
address = "10.0.0.1"
port = 81
check = {type = "tcp", expect_hex = "0", send = "a", send_hex = "00"}
)"),
              R"(f:3:1: warning: service `w` has no backends
    3 | [[service]]
      | ^^^^^^^^^^^ its clients will not be served; add a [[service.backend]]
f:9:21: error: `expect_body_regex` is not a regular expression: Unmatched marking parenthesis ( or \(.
    9 | expect_body_regex = "a(b"
      |                     ^^^^^ a literal . * + ? ( ) [ { | ^ $ needs a backslash
f:10:16: error: `drain_status = "40"` is not a list of HTTP status codes
   10 | drain_status = "40"
      |                ^^^^ write "200-399" or "200,204,300-302"
f:11:12: error: `Host` is written by the probe itself
   11 | headers = {"Host" = "x", "a b" = "c", "d" = "e\nf"}
      |            ^^^^^^ remove it; `host` sets the Host header
f:11:26: error: `a b` is no name of an HTTP header
   11 | headers = {"Host" = "x", "a b" = "c", "d" = "e\nf"}
      |                          ^^^^^ write letters, digits and -
f:11:45: error: `headers = "e?f"` is not the value of an HTTP header
   11 | headers = {"Host" = "x", "a b" = "c", "d" = "e\nf"}
      |                                             ^^^^^^ write {"X-Probe" = "pointsman"}
f:16:37: error: `expect_hex = "0"` is not a row of octets
   16 | check = {type = "tcp", expect_hex = "0", send = "a", send_hex = "00"}
      |                                     ^^^ write 1-4096 octets as hexadecimal digits, as in "50 49 4e 47 0d 0a"
f:16:65: error: `send_hex` and `send` exclude each other
   16 | check = {type = "tcp", expect_hex = "0", send = "a", send_hex = "00"}
      |                                                                 ^^^^ remove one of them
)");
}

TEST(ConfigChecks, ReportsWhatDoesNotGoTogether) {
    EXPECT_EQ(remarks("check = {expect = \"a\", expect_regex = \"b\", expect_limit = 1}\n"),
              R"(f:7:39: error: `expect_regex` and `expect` exclude each other
    7 | check = {expect = "a", expect_regex = "b", expect_limit = 1}
      |                                       ^^^ remove one of them
)");
    EXPECT_EQ(remarks("check = {type = \"udp\"}\n"),
              R"(f:7:17: error: a check of type "udp" needs `send`
    7 | check = {type = "udp"}
      |                 ^^^^^ add a request that the backend answers, or at least does not mind
)");
    EXPECT_EQ(remarks("check = {type = \"exec\", command = [\"probe\"]}\n"),
              R"(f:7:35: error: `probe` is not an absolute path
    7 | check = {type = "exec", command = ["probe"]}
      |                                   ^^^^^^^^^ write the program's whole path: no shell and no PATH is asked
)");
    EXPECT_EQ(remarks("check = {expect_body = \"ok\"}\n"),
              R"(f:7:10: warning: `expect_body` has no effect on a check of type "tcp"
    7 | check = {expect_body = "ok"}
      |          ^^^^^^^^^^^ write type = "http" or remove it
)");
    EXPECT_EQ(remarks("check = [{type = \"http\"}, {type = \"http\", path = \"/b\"}]\n"),
              R"(f:7:27: error: two checks are called `http`
    7 | check = [{type = "http"}, {type = "http", path = "/b"}]
      |                           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^ give each a `name`; the first one is at line 7
)");
    EXPECT_EQ(remarks("check = [{}, {type = \"http\"}]\n", "check = {path = \"/b\"}\n"),
              R"(f:12:9: error: which check does this override?
   12 | check = {path = "/b"}
      |         ^^^^^^^^^^^^^ add `name`: one of tcp, http, or a new one for a further check
)");
}

TEST(ConfigChecks, ReportsFilesThatThisHostDoesNotHave) {
    auto const parsed = parse_config(file_with(R"(address = "10.0.0.1"
[[service.check]]
type = "https"
ca_file = "/no/such/ca.pem"
[[service.check]]
type = "exec"
command = ["/etc/passwd"]
)"),
                                     "f");
    ASSERT_TRUE(parsed.state);
    EXPECT_EQ(render(check_files(*parsed.state, parsed.places), parsed.text, false),
              R"(f:9:11: error: `/no/such/ca.pem`: No such file or directory
    9 | ca_file = "/no/such/ca.pem"
      |           ^^^^^^^^^^^^^^^^^ name a file of PEM certificates
f:12:11: error: `/etc/passwd`: Permission denied
   12 | command = ["/etc/passwd"]
      |           ^^^^^^^^^^^^^^^ name a program that the daemon's user may execute
)");
}

} // namespace
} // namespace pointsman
