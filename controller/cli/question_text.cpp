#include "controller/cli/question_text.hpp"

#include "controller/cli/answers.hpp"
#include "controller/cli/terminal.hpp"

#include <boost/json/array.hpp>
#include <cmath>

namespace json = boost::json;

namespace pointsman {
namespace {

constexpr std::size_t page_width = 100;

std::string milliseconds(std::int64_t microseconds) {
    auto const tenths = (microseconds % 1000) / 10;
    return std::to_string(microseconds / 1000) + "." + (tenths < 10 ? "0" : "") + std::to_string(tenths) +
           " ms";
}

std::string age(json::object const& object, char const* key) {
    return rough_age(object.at(key).to_number<long>() / 1000);
}

std::string percent(double value) {
    auto const tenths = std::lround(value * 10);
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " %";
}

/// "+ backend web/b3  up", "- backend web/b2", "~ weight web/b1  50 -> 100"
std::string change_text(json::object const& change) {
    auto const was = field(change, "was");
    auto const now = field(change, "now");
    auto const backend = field(change, "backend");
    auto const what =
        field(change, "kind") + " " + field(change, "service") + (backend.empty() ? "" : "/" + backend);
    if (was == "absent") return "+ " + what + "  " + now + "\n";
    if (now == "absent") return "- " + what + "  was " + was + "\n";
    return "~ " + what + "  " + (was == now ? now + ", begins anew" : was + " -> " + now) + "\n";
}

std::string impact_text(json::object const& service) {
    auto const cut = service.at("sessions_cut").to_number<std::uint64_t>();
    return field(service, "name") + ": " +
           percent(service.at("new_flows_moved_percent").to_number<double>()) +
           " of new flows lead elsewhere, " + counted(cut, "session") + " cut" +
           (cut == 0 ? "" : " (on_down " + field(service, "on_down") + ")") + "\n";
}

void keep_counted_verdicts(json::object& counts) {
    json::array kept;
    for (auto const& verdict : counts.at("verdicts").as_array())
        if (verdict.at("packets").to_number<std::uint64_t>() != 0) kept.push_back(verdict);
    counts["verdicts"] = std::move(kept);
}

/// One line for each interface that packets came by.
std::string interfaces_text(json::object const& drops) {
    std::vector<std::vector<std::string>> rows{{"interface", "received", "forwarded", "passed", "dropped"}};
    for (auto const& entry : drops.at("interfaces").as_array()) {
        auto const& interface = entry.as_object();
        if (field(interface, "received") == "0") continue;
        std::vector<std::string> row{field(interface, "name")};
        for (char const* const key : {"received", "forwarded", "passed", "dropped"})
            row.push_back(field(interface, key));
        rows.push_back(std::move(row));
    }
    return align(rows);
}

} // namespace

void keep_counted(json::object& drops) {
    keep_counted_verdicts(drops);
    for (auto& interface : drops.at("interfaces").as_array())
        keep_counted_verdicts(interface.as_object());
}

std::string drops_text(json::object const& drops) {
    auto out = "received " + field(drops, "received") + " = forwarded " + field(drops, "forwarded") +
               " + passed " + field(drops, "passed") + " + dropped " + field(drops, "dropped") + "\n";
    if (field(drops, "unaccounted") != "0") out += "unaccounted " + field(drops, "unaccounted") + "\n";
    std::vector<std::vector<std::string>> rows{{"verdict", "packets"}};
    std::string explained;
    for (auto const& entry : drops.at("verdicts").as_array()) {
        auto const& verdict = entry.as_object();
        rows.push_back({field(verdict, "verdict"), field(verdict, "packets")});
        auto const* const remedy = verdict.if_contains("remedy"); // absent: the manual says nothing of it
        if (field(verdict, "kind") != "drop" || !remedy) continue;
        explained += "\n" + field(verdict, "verdict") + "\n" + wrap(field(verdict, "meaning"), page_width, 2);
        for (auto const& paragraph : remedy->as_array())
            explained += wrap(std::string_view{paragraph.as_string()}, page_width, 2);
    }
    return out + "\n" + interfaces_text(drops) + "\n" + align(rows) + explained;
}

std::string sessions_text(json::object const& sessions) {
    std::vector<std::vector<std::string>> rows{
        {"client", "service", "backend", "forward", "nat", "protocol", "state", "age", "idle"}};
    for (auto const& entry : sessions.at("sessions").as_array()) {
        auto const& session = entry.as_object();
        rows.push_back({field(session, "client"), field(session, "service"), field(session, "backend"),
                        field(session, "forward"), session.at("nat").is_null() ? "-" : field(session, "nat"),
                        field(session, "protocol"), field(session, "state"), age(session, "age_ms"),
                        age(session, "idle_ms")});
    }
    auto const total = sessions.at("total").to_number<std::uint64_t>();
    auto const listed = sessions.at("listed").to_number<std::uint64_t>();
    auto out = align(rows) + counted(total, "session");
    if (listed < total) out += ", " + std::to_string(listed) + " of them listed; --limit lists more";
    return out + "\n";
}

std::string why_text(json::object const& why) {
    auto out = field(why, "from") + " -> " + field(why, "to") + "/" + field(why, "protocol") +
               "  generation " + field(why, "generation") + "\n";
    std::vector<std::vector<std::string>> rows;
    for (auto const& step : why.at("steps").as_array())
        rows.push_back({"  " + field(step.as_object(), "step"), field(step.as_object(), "text")});
    auto const backend = field(why, "backend");
    return out + align(rows) +
           (backend.empty() ? "reaches no backend: " + field(why, "verdict") : "reaches " + backend) + "\n";
}

std::string plan_text(json::object const& plan) {
    auto const& running = plan.at("running").as_object();
    auto out = field(plan, "file") + " (" + field(plan, "hash") + ") against generation " +
               field(running, "generation") + " (" + field(running, "hash") + ")\n";
    for (auto const& change : plan.at("changes").as_array())
        out += "  " + change_text(change.as_object());
    if (plan.at("changes").as_array().empty()) out += "  nothing that packets would notice changes\n";
    for (auto const& service : plan.at("services").as_array())
        out += "  " + impact_text(service.as_object());
    std::string assumed;
    for (auto const& key : plan.at("assumed_up").as_array())
        assumed += " " + std::string{key.as_string()};
    if (!assumed.empty()) out += "  once these new backends have passed a probe:" + assumed + "\n";
    std::string restart;
    for (auto const& key : plan.at("restart_needed").as_array())
        restart += " " + std::string{key.as_string()};
    if (!restart.empty()) out += "a reload will be refused: a restart is needed to change" + restart + "\n";
    return out;
}

std::string probe_text(json::object const& probe) {
    auto out = field(probe, "service") + "/" + field(probe, "backend") + "  " + field(probe, "type") + " " +
               field(probe, "target");
    if (field(probe, "via") == "service") out += " on its service's way";
    out += "\n";
    std::vector<std::vector<std::string>> rows;
    for (auto const& entry : probe.at("steps").as_array()) {
        auto const& step = entry.as_object();
        auto const is_verdict = field(step, "step") == "verdict";
        rows.push_back({"  " + field(step, "step"), milliseconds(step.at("at_us").to_number<std::int64_t>()),
                        is_verdict ? field(probe, "outcome") + " " + field(probe, "because") : ""});
    }
    out += align(rows);
    for (auto const& [key, label] :
         {std::pair{"status", "status"}, {"error", "error"}, {"first_bytes", "answer"}})
        if (auto const value = field(probe, key); !value.empty())
            out += "  " + std::string{label} + ": " + value + "\n";
    if (auto const* direct = probe.if_contains("direct"))
        out += "directly: " + probe_text(direct->as_object());
    if (field(probe, "fault") == "path")
        out += "direct probe passes, path probe fails: the backend serves, and its clients are not served\n";
    return out;
}

} // namespace pointsman
