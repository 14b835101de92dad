#include "controller/config/read_check.hpp"

#include "controller/config/check_values.hpp"

#include <algorithm>

namespace pointsman {
namespace {

void warn_of_slow_fast_interval(TableReader const& in, HealthPolicy const& policy) {
    std::string_view const key = in.has("fast_interval") ? "fast_interval" : "interval";
    if (!in.has(key) || policy.fast_interval <= policy.interval) return;
    in.warn_at(key,
               "fast_interval (" + text_of(policy.fast_interval) + ") is longer than interval (" +
                   text_of(policy.interval) + ")",
               "a suspected backend would be probed less often than a healthy one");
}

void warn_of_idle_fall(TableReader const& in) {
    if (in.has("window") && in.has("fall"))
        in.warn_at("fall", "`fall` has no effect beside `window`", "remove one of them");
}

void warn_of_idle_keys(TableReader const& in, CheckType type) {
    for (KeySpec const* key : keys_of(in.spec())) {
        auto const types = words_of(key->check_types);
        if (types.empty() || !in.has(key->name) || std::ranges::count(types, name_of(type)) > 0) continue;
        in.warn_at(key->name,
                   "`" + std::string{key->name} + "` has no effect on a check of type \"" +
                       std::string{name_of(type)} + "\"",
                   "write type = \"" + std::string{types.front()} + "\" or remove it");
    }
}

/// Of keys that say the same in different ways, a table may have one. @return the one it has; empty: none.
std::string_view only_one_of(TableReader const& in, std::initializer_list<std::string_view> keys) {
    std::string_view given;
    for (auto const key : keys) {
        if (!in.has(key)) continue;
        if (!given.empty())
            in.error_at(key, "`" + std::string{key} + "` and `" + std::string{given} + "` exclude each other",
                        "remove one of them");
        given = given.empty() ? key : given;
    }
    return given;
}

std::string octets_of(TableReader const& in, std::string_view key) {
    std::string text;
    in.read(key, text);
    return key.ends_with("_hex") ? parse_octets(text).value_or("") : text;
}

Pattern pattern_of(TableReader const& in, std::string_view key) {
    std::string text;
    std::string flaw;
    in.read(key, text);
    if (text.empty()) return {}; // not readable, and so reported
    auto pattern = Pattern::compile(text, flaw);
    if (pattern.empty())
        in.error_at(key, "`" + std::string{key} + "` is not a regular expression: " + printable(flaw),
                    "a literal . * + ? ( ) [ { | ^ $ needs a backslash");
    return pattern;
}

void read_expectation(TableReader const& in, std::string_view key, Expectation& out) {
    if (key.empty()) return;
    out.text.clear();
    out.pattern = {};
    if (key.ends_with("_regex"))
        out.pattern = pattern_of(in, key);
    else
        out.text = octets_of(in, key);
}

void read_expectations(TableReader const& in, Expectation& out) {
    read_expectation(in, only_one_of(in, {"expect", "expect_hex", "expect_regex"}), out);
    in.read("expect_limit", out.limit);
    read_expectation(in, only_one_of(in, {"expect_body", "expect_body_regex"}), out);
    in.read("body_limit", out.limit);
}

void read_http(TableReader const& in, Check& out) {
    in.read("method", out.method);
    in.read("path", out.path);
    in.read("host", out.host);
    in.read("headers", out.headers);
    in.read("expect_status", out.expect_status);
    in.read("drain_status", out.drain_status);
}

void read_tls(TableReader const& in, TlsOptions& out) {
    in.read("tls", out.required);
    in.read("sni", out.sni);
    in.read("ca_file", out.ca_file);
    if (in.is_boolean("verify")) return in.read("verify", out.verify);
    std::string word;
    in.read("verify", word);
    if (!word.empty()) out.verify = word == "full";
}

/// What a type cannot do without, wherever it was to be given.
void check_needs(TableReader const& in, Check const& check) {
    auto const lacks = [&](std::string_view key, std::string hint) {
        in.error_at("type",
                    "a check of type \"" + std::string{name_of(check.type)} + "\" needs `" +
                        std::string{key} + "`",
                    std::move(hint));
    };
    // One that is given and wrong is reported where it is.
    if (check.type == CheckType::udp && check.send.empty() && !in.has("send") && !in.has("send_hex"))
        lacks("send", "add a request that the backend answers, or at least does not mind");
    if (check.type == CheckType::exec && check.command.empty() && !in.has("command"))
        lacks("command", R"(add it: ["/usr/local/bin/probe", "--quick"])");
    if (check.type == CheckType::agent && !check.port && !in.has("port"))
        lacks("port", "add the port on which the agent listens");
}

void check_expectations(TableReader const& in, Check const& check) {
    bool const http = check.type == CheckType::http || check.type == CheckType::https;
    auto const& expect = check.expect;
    if (expect.text.size() > expect.limit)
        in.error_at(http ? "expect_body" : "expect",
                    "the expected text is longer than the " + std::to_string(expect.limit) +
                        " octets in which it is looked for",
                    std::string{"raise `"} + (http ? "body_limit" : "expect_limit") + "`");
    if (http && expect.is_set() && check.method == "HEAD")
        in.error_at("method", "an answer to HEAD has no body, so none can be as expected",
                    R"(write method = "GET")");
    if (!check.command.empty() && !is_path(check.command.front()))
        in.error_at("command", "`" + printable(check.command.front(), 64) + "` is not an absolute path",
                    "write the program's whole path: no shell and no PATH is asked");
}

/// One that a check inherits is no fault of the check: target_of() leaves it aside.
void check_replace(TableReader const& in, Check const& check) {
    if (!in.has("passive") || check.policy.passive != Passive::replace || only_connects(check)) return;
    in.error_at(
        "passive",
        "passive = \"replace\" is for checks of type tcp that only connect: a client's handshake does "
        "not show what this check of type \"" +
            std::string{name_of(check.type)} + "\" asks",
        R"(write passive = "probe" for this check)");
}

} // namespace

void read_policy(TableReader const& in, HealthPolicy& out) {
    in.read("interval", out.interval);
    in.read("fast_interval", out.fast_interval);
    in.read("down_interval", out.down_interval);
    in.read("timeout", out.timeout);
    in.read("rise", out.rise);
    in.read("fall", out.fall);
    in.read("window", out.window);
    in.read_choice("init", out.init, {Init::down, Init::up, Init::last});
    in.read_choice("passive", out.passive, {Passive::probe, Passive::eject, Passive::replace, Passive::off});
    in.read("damping", out.damping);
    warn_of_slow_fast_interval(in, out);
    warn_of_idle_fall(in);
}

void read_check(TableReader const& in, Check& out) {
    using enum CheckType;
    read_policy(in, out.policy);
    in.read("name", out.name);
    bool const type_given =
        in.read_choice("type", out.type, {none, tcp, http, https, udp, grpc, exec, agent});
    in.read("port", out.port);
    in.read_choice("via", out.via, {Via::direct, Via::service});
    if (auto const key = only_one_of(in, {"send", "send_hex"}); !key.empty()) out.send = octets_of(in, key);
    read_expectations(in, out.expect);
    read_http(in, out);
    read_tls(in, out.tls);
    in.read("grpc_service", out.grpc_service);
    in.read_words("command", out.command);
    if (in.has("type") && !type_given) return;
    warn_of_idle_keys(in, out.type);
    check_needs(in, out);
    check_expectations(in, out);
    check_replace(in, out);
}

} // namespace pointsman
