#include "controller/config/read_check.hpp"

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

void warn_of_idle_http_keys(TableReader const& in, CheckType type) {
    for (std::string_view const key : {"method", "path", "host", "expect_status"})
        if (type != CheckType::http && in.has(key))
            in.warn_at(key,
                       "`" + std::string{key} + "` has no effect on a check of type \"" +
                           std::string{name_of(type)} + "\"",
                       R"(write type = "http" or remove it)");
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
    in.read_choice("passive", out.passive, {Passive::probe, Passive::eject, Passive::off});
    in.read("damping", out.damping);
    warn_of_slow_fast_interval(in, out);
    warn_of_idle_fall(in);
}

void read_check(TableReader const& in, Check& out) {
    read_policy(in, out.policy);
    bool const type_given =
        in.read_choice("type", out.type, {CheckType::none, CheckType::tcp, CheckType::http});
    in.read("port", out.port);
    in.read("method", out.method);
    in.read("path", out.path);
    in.read("host", out.host);
    in.read("expect_status", out.expect_status);
    if (type_given || !in.has("type")) warn_of_idle_http_keys(in, out.type);
}

} // namespace pointsman
