#include "controller/cli/top_view.hpp"

#include "controller/cli/answers.hpp"
#include "controller/cli/terminal.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <cstdio>
#include <map>

namespace json = boost::json;

namespace pointsman {
namespace {

/// What grows, of one backend or one service.
struct Totals {
    std::uint64_t packets_in = 0; ///< to the backend
    std::uint64_t packets_out = 0;
    std::uint64_t bytes = 0; ///< both ways
    std::uint64_t connections = 0;
    std::uint64_t sessions = 0;

    Totals& operator+=(Totals const& other) {
        packets_in += other.packets_in;
        packets_out += other.packets_out;
        bytes += other.bytes;
        connections += other.connections;
        sessions += other.sessions;
        return *this;
    }
};

std::uint64_t number(json::object const& object, char const* key) {
    auto const* value = object.if_contains(key);
    boost::system::error_code error;
    return value && value->is_number() ? value->to_number<std::uint64_t>(error) : 0;
}

Totals totals_of(json::object const& backend) {
    return {number(backend, "packets_to_backend"), number(backend, "packets_to_client"),
            number(backend, "bytes_to_backend") + number(backend, "bytes_to_client"),
            number(backend, "connections"), number(backend, "sessions")};
}

using Known = std::map<std::string, Totals>; ///< by "service/backend"

Known known_of(json::object const& status) {
    Known known;
    for (auto const& service : status.at("services").as_array())
        for (auto const& backend : service.at("backends").as_array())
            known[field(service.as_object(), "name") + "/" + field(backend.as_object(), "name")] =
                totals_of(backend.as_object());
    return known;
}

/// A counter that went back began anew: its backend's number was given to another.
double rate(std::uint64_t before, std::uint64_t now, double seconds) {
    return now < before || seconds <= 0 ? 0 : static_cast<double>(now - before) / seconds;
}

std::vector<std::string> row(std::string name, std::string state, Totals const& before, Totals const& now,
                             double seconds) {
    return {std::move(name),
            std::move(state),
            short_number(rate(before.packets_in, now.packets_in, seconds)),
            short_number(rate(before.packets_out, now.packets_out, seconds)),
            short_number(rate(before.bytes, now.bytes, seconds) * 8),
            short_number(rate(before.connections, now.connections, seconds)),
            short_number(static_cast<double>(now.sessions))};
}

} // namespace

std::string short_number(double value) {
    constexpr std::array units{"", "k", "M", "G", "T"};
    std::size_t unit = 0;
    while (value >= 1000 && unit + 1 < units.size()) {
        value /= 1000;
        ++unit;
    }
    char text[32];
    std::snprintf(text, sizeof(text), unit > 0 && value < 10 ? "%.1f%s" : "%.0f%s", value, units[unit]);
    return text;
}

std::string top_view(Look const& before, Look const& now, std::size_t rows, std::size_t columns) {
    auto const seconds = std::chrono::duration<double>(now.at - before.at).count();
    auto const known = known_of(before.status);
    std::vector<std::vector<std::string>> table{
        {"service/backend", "state", "pkt/s in", "out", "bit/s", "conn/s", "sessions"}};
    for (auto const& value : now.status.at("services").as_array()) {
        auto const& service = value.as_object();
        Totals was;
        Totals is;
        auto const at = table.size();
        for (auto const& entry : service.at("backends").as_array()) {
            auto const& backend = entry.as_object();
            auto const name = field(backend, "name");
            auto const after = totals_of(backend);
            auto const found = known.find(field(service, "name") + "/" + name);
            auto const first = found == known.end() ? after : found->second;
            was += first;
            is += after;
            table.push_back(row("  " + name, field(backend, "state"), first, after, seconds));
        }
        auto const state = field(service, "healthy") + "/" + field(service, "total") +
                           (service.at("panic").as_bool() ? " PANIC" : "");
        table.insert(table.begin() + static_cast<std::ptrdiff_t>(at),
                     row(field(service, "name"), state, was, is, seconds));
    }
    auto text = "pointsman " + field(now.status, "version") + "  generation " +
                field(now.status, "generation") + "  q quits\n" + align(table);
    std::string out;
    for (std::size_t line = 0, start = 0; line < rows && start < text.size(); ++line) {
        auto const end = text.find('\n', start);
        out += (line == 0 ? "" : "\r\n") + text.substr(start, std::min(end - start, columns));
        start = end + 1;
    }
    return out;
}

} // namespace pointsman
