#include "controller/cli/status_text.hpp"

#include "controller/cli/terminal.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

namespace json = boost::json;

namespace pointsman {
namespace {

std::string plain(json::value const& value) {
    return value.is_string() ? std::string{value.get_string()} : json::serialize(value);
}

std::string plain(json::object const& object, char const* key) {
    auto const* value = object.if_contains(key);
    return value ? plain(*value) : std::string{};
}

std::string probe_text(json::value const& probe) {
    if (!probe.is_object()) return "-";
    auto const microseconds = probe.at("duration_us").to_number<std::int64_t>();
    auto const ago = probe.at("ago_ms").to_number<std::int64_t>() / 1000;
    return plain(probe.at("outcome")) + " in " + std::to_string(microseconds / 1000) + "." +
           std::to_string(microseconds / 100 % 10) + " ms, " + rough_age(ago) + " ago";
}

/// With passive = "replace" the last probe may be long ago: what stands for those that were due since.
std::string handshake_text(json::object const& backend) {
    auto const* checks = backend.if_contains("checks");
    if (!checks) return {};
    for (auto const& check : checks->as_array()) {
        auto const* ago = check.as_object().if_contains("last_handshake_ago_ms");
        if (ago) return "; handshake " + rough_age(ago->to_number<std::int64_t>() / 1000) + " ago";
    }
    return {};
}

std::string paint(std::string const& line, std::string const& state, bool colour) {
    if (!colour) return line;
    char const* const code = state == "up" ? "32" : state == "down" ? "31" : "33";
    return "\033[" + std::string{code} + "m" + line + "\033[0m";
}

/// As ordered or configured, and what its agent makes of it.
std::string weight_text(json::object const& backend) {
    auto const percent = plain(backend, "agent_weight_percent");
    return plain(backend, "weight") + (percent.empty() ? "" : ", agent " + percent + " %");
}

/// What an agent says besides the words that count: its reason, words that are ignored.
std::string agent_text(json::object const& backend) {
    auto const* checks = backend.if_contains("checks");
    if (!checks) return {};
    for (auto const& check : checks->as_array()) {
        auto const* probe = check.as_object().if_contains("last_probe");
        if (plain(check.as_object(), "type") != "agent" || !probe || !probe->is_object()) continue;
        if (auto const said = plain(probe->get_object(), "text"); !said.empty()) return "; agent: " + said;
    }
    return {};
}

/// Why, and of several checks the ones that fail or ask for less.
std::string because_text(json::object const& backend) {
    auto out = plain(backend, "because");
    auto const* checks = backend.if_contains("checks");
    if (!checks || checks->as_array().size() < 2) return out;
    std::string failing;
    for (auto const& check : checks->as_array())
        if (auto const state = plain(check.at("state"));
            state == "down" || state == "drain" || state == "maint")
            failing += (failing.empty() ? " by " : ", ") + plain(check.at("name"));
    return out + failing;
}

std::string service_text(json::object const& service, bool colour) {
    auto out = plain(service, "name") + "  " + plain(service, "address") + ":" + plain(service, "port") +
               "/" + plain(service, "protocol") + "  " + plain(service, "forward") + ", on_down " +
               plain(service, "on_down") + "  " + plain(service, "healthy") + "/" + plain(service, "total") +
               " up" + (service.at("panic").as_bool() ? "  PANIC: health is ignored" : "") +
               (service.if_contains("announce") && !service.at("announce").as_bool() ? "  WITHDRAW" : "") +
               "\n";
    std::vector<std::vector<std::string>> rows{
        {"  backend", "address", "state", "because", "weight", "sessions", "connections", "last probe"}};
    std::vector<std::string> states;
    for (auto const& entry : service.at("backends").as_array()) {
        auto const& backend = entry.as_object();
        rows.push_back(
            {"  " + plain(backend, "name"), plain(backend, "address") + ":" + plain(backend, "port"),
             plain(backend, "state"), because_text(backend), weight_text(backend), plain(backend, "sessions"),
             plain(backend, "connections"),
             probe_text(backend.at("last_probe")) + handshake_text(backend) + agent_text(backend)});
        states.push_back(plain(backend, "state"));
    }
    auto const table = align(rows);
    auto start = table.find('\n') + 1;
    out += table.substr(0, start);
    for (auto const& state : states) {
        auto const end = table.find('\n', start);
        out += paint(table.substr(start, end - start), state, colour) + "\n";
        start = end + 1;
    }
    for (auto const& entry : service.at("backends").as_array())
        if (auto const* path = entry.as_object().if_contains("path"))
            if (auto const text = plain(path->as_object(), "text"); !text.empty()) out += "  " + text + "\n";
    return out;
}

} // namespace

std::string status_text(json::object const& status, bool colour) {
    auto const& config = status.at("config").as_object();
    auto out = "pointsman " + plain(status, "version") + "  generation " + plain(status, "generation") +
               "  " + plain(config, "file") + " (" + plain(config, "hash") + ")\n";
    if (auto const* unconfirmed = config.if_contains("unconfirmed"); unconfirmed && unconfirmed->is_object())
        out += "UNCONFIRMED: rolls back to " + plain(unconfirmed->at("to")) + " in " +
               rough_age(unconfirmed->at("rolls_back_in_ms").to_number<long>() / 1000) +
               " unless `pointsman confirm` comes\n";
    if (auto const* alarms = status.if_contains("alarms"))
        for (auto const& alarm : alarms->as_array())
            out += "ALARM " + plain(alarm.at("because")) + ": " + plain(alarm.at("text")) + "\n";
    for (auto const& interface : status.at("interfaces").as_array())
        out += "interface " + plain(interface.at("name")) + "  " + plain(interface.at("attach")) + ": " +
               plain(interface.at("why")) + "\n";
    if (auto const* problem = status.if_contains("probe_way_problem"); problem && problem->is_string())
        out += "all probes are direct: " + plain(*problem) + "\n";
    for (auto const& service : status.at("services").as_array())
        out += "\n" + service_text(service.as_object(), colour);
    return out;
}

std::string record_text(json::object const& record) {
    auto out = plain(record, "ts") + "  #" + plain(record, "seq") + "  " + plain(record, "kind");
    auto const backend = plain(record, "backend");
    if (auto const service = plain(record, "service"); !service.empty())
        out += "  " + service + (backend.empty() ? "" : "/" + backend);
    if (record.contains("now")) out += "  " + plain(record, "was") + " -> " + plain(record, "now");
    for (char const* key : {"interface", "attach", "lasted_ms", "result", "because", "reason", "client",
                            "detect_us", "switch_us", "cause_seq", "text"})
        if (auto const value = plain(record, key); !value.empty())
            out += "  " + std::string{key} + "=" + value;
    if (auto const* generation = record.if_contains("generation"))
        out += "  generation=" + (generation->is_object()
                                      ? plain(generation->at("from")) + "->" + plain(generation->at("to"))
                                      : plain(*generation));
    return out;
}

} // namespace pointsman
