// Commands that ask the running daemon and change nothing: drops, sessions, why, plan, probe.
#include "controller/api/url.hpp"
#include "controller/cli/answers.hpp"
#include "controller/cli/commands.hpp"
#include "controller/cli/config_file.hpp"
#include "controller/cli/exit_code.hpp"
#include "controller/cli/question_text.hpp"
#include "controller/cli/terminal.hpp"
#include "controller/model/endpoint.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

namespace json = boost::json;

namespace pointsman {
namespace {

/// An answer as it is, or as text.
template<typename Render>
void show(CommonOptions const& common, json::object const& answer, Render render) {
    if (common.json)
        print_json(answer);
    else
        print(stdout, render(answer));
}

/// "10.0.0.1:80/udp" into endpoint and protocol; empty protocol: as the endpoint stands.
std::pair<std::string, std::string> split_protocol(std::string const& text) {
    auto const slash = text.find('/');
    if (slash == std::string::npos) return {text, "tcp"};
    return {text.substr(0, slash), text.substr(slash + 1)};
}

} // namespace

int drops(CommonOptions const& common, bool all) {
    auto answer = ask_object(common, "GET", "/v1/drops");
    if (!all) keep_counted(answer);
    show(common, answer, drops_text);
    return exit_ok;
}

int sessions(CommonOptions const& common, SessionOptions const& options) {
    if (!options.backend.empty() && !parse_target(options.backend)) return exit_usage;
    auto target = "/v1/sessions?limit=" + std::to_string(options.limit);
    if (!options.service.empty()) target += "&service=" + escape_query(options.service);
    if (!options.backend.empty()) target += "&backend=" + escape_query(options.backend);
    auto const answer = ask_object(common, "GET", target);
    show(common, answer, sessions_text);
    return exit_ok;
}

int why(CommonOptions const& common, WhyOptions const& options) {
    auto const [to, protocol] = split_protocol(options.to);
    if (!Endpoint::parse(options.from) || !Endpoint::parse(to) || (protocol != "tcp" && protocol != "udp")) {
        print(stderr, "pointsman: a flow is named SRC:PORT DST:PORT[/udp], such as 10.0.0.1:40000 "
                      "10.77.0.100:80; IPv6 addresses in brackets\n");
        return exit_usage;
    }
    auto const answer = ask_object(common, "GET",
                                   "/v1/why?from=" + escape_query(options.from) + "&to=" + escape_query(to) +
                                       "&protocol=" + protocol);
    show(common, answer, why_text);
    return exit_ok;
}

int plan(CommonOptions const& common) {
    auto const config = load_for_this_host(common.config);
    print(stderr, render(config.diagnostics, config.text, wants_colour(stderr)));
    if (!config.state) return exit_config_invalid;
    auto asked = common;
    if (asked.control.empty()) asked.control = config.state->daemon.control;
    auto const answer =
        ask_object(asked, "POST", "/v1/plan?file=" + escape_query(common.config), config.text);
    show(common, answer, plan_text);
    return answer.at("restart_needed").as_array().empty() ? exit_ok : exit_refused;
}

int probe(CommonOptions const& common, std::string const& target) {
    auto const backend = parse_target(target);
    if (!backend) return exit_usage;
    json::object const wish{{"service", backend->service}, {"backend", backend->backend}};
    auto const answer = ask_object(common, "POST", "/v1/probe", json::serialize(wish));
    show(common, answer, probe_text);
    return answer.at("passed").as_bool() ? exit_ok : exit_failed;
}

} // namespace pointsman
