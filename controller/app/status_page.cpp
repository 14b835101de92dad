#include "controller/app/status_page.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <string_view>

namespace json = boost::json;

namespace pointsman {
namespace {

constexpr std::string_view head = R"(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="5"><title>Pointsman</title><style>
body { font: 14px sans-serif; margin: 2em } table { border-collapse: collapse } td, th { padding: 2px 12px 2px 0; text-align: left }
.up, .starting { color: #070 } .down, .alarm { color: #b00 } .drain, .maint { color: #860 }
</style></head><body>
)";

std::string escaped(std::string_view text) {
    std::string out;
    for (char const c : text) {
        if (c == '&')
            out += "&amp;";
        else if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else if (c == '"')
            out += "&quot;";
        else
            out += c;
    }
    return out;
}

/// A member as text, ready for HTML; empty when there is none.
std::string member(json::object const& object, std::string_view key) {
    auto const* value = object.if_contains(key);
    if (!value || value->is_null()) return {};
    return escaped(value->is_string() ? std::string{value->get_string()} : json::serialize(*value));
}

std::string cell(std::string const& text, std::string const& style = {}) {
    return (style.empty() ? "<td>" : "<td class=\"" + style + "\">") + text + "</td>";
}

std::string backend_row(json::object const& backend) {
    auto const* probe = backend.at("last_probe").if_object();
    auto const state = member(backend, "state");
    return "<tr>" + cell(member(backend, "name")) +
           cell(member(backend, "address") + " port " + member(backend, "port")) + cell(state, state) +
           cell(member(backend, "because")) + cell(member(backend, "since")) +
           cell(member(backend, "weight")) + cell(member(backend, "sessions")) +
           cell(probe ? member(*probe, "outcome") : "") + "</tr>\n";
}

std::string service_table(json::object const& service) {
    std::string out = "<h2>" + member(service, "name") + "</h2>\n<p>" + member(service, "address") +
                      " port " + member(service, "port") + "/" + member(service, "protocol") + ", " +
                      member(service, "forward") + ": " + member(service, "healthy") + " of " +
                      member(service, "total") + " healthy" +
                      (service.at("panic").as_bool() ? ", <b class=\"alarm\">panic</b>" : "") +
                      "</p>\n<table><tr><th>backend<th>address<th>state<th>because<th>since<th>weight<th>"
                      "sessions<th>last probe</tr>\n";
    for (auto const& backend : service.at("backends").as_array())
        out += backend_row(backend.as_object());
    return out + "</table>\n";
}

} // namespace

std::string status_page(json::object const& status) {
    std::string out{head};
    out += "<h1>Pointsman " + member(status, "version") + "</h1>\n<p>generation " +
           member(status, "generation") + ", configuration " +
           member(status.at("config").as_object(), "file") +
           "; as JSON: <a href=\"/v1/status\">/v1/status</a></p>\n";
    for (auto const& alarm : status.at("alarms").as_array())
        out += "<p class=\"alarm\">" + member(alarm.as_object(), "because") + ": " +
               member(alarm.as_object(), "text") + "</p>\n";
    for (auto const& service : status.at("services").as_array())
        out += service_table(service.as_object());
    return out + "</body></html>\n";
}

} // namespace pointsman
