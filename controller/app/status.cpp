#include "controller/app/status.hpp"

#include "controller/app/daemon.hpp"
#include "controller/app/turns.hpp"
#include "controller/datapath/counters.hpp"
#include "controller/model/names.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <span>

namespace asio = boost::asio;
namespace json = boost::json;

namespace pointsman {
namespace {

json::object last_probe_json(LastProbe const& probe) {
    auto const ago = std::chrono::steady_clock::now() - probe.ended;
    json::object out{{"outcome", name_of(probe.outcome.code)},
                     {"duration_us", probe.outcome.duration.count()},
                     {"ago_ms", std::chrono::duration_cast<std::chrono::milliseconds>(ago).count()}};
    add_outcome_details(out, probe.outcome);
    return out;
}

std::int64_t milliseconds_since(std::chrono::steady_clock::time_point then) {
    auto const ago = std::chrono::steady_clock::now() - then;
    return std::chrono::duration_cast<std::chrono::milliseconds>(ago).count();
}

json::array checks_json(std::span<CheckHealth const> checks, TrafficWatch const& traffic) {
    json::array out;
    for (auto const& check : checks) {
        if (check.type == CheckType::none) continue;
        json::object entry{{"name", check.name},
                           {"type", name_of(check.type)},
                           {"via", way_of(check.target)},
                           {"state", name_of(check.health.state)},
                           {"last_probe", nullptr}};
        if (check.last) entry["last_probe"] = last_probe_json(*check.last);
        auto const& wishes = check.health.wishes;
        if (wishes.state != AdminState::ready) entry["asks"] = name_of(wishes.state);
        if (wishes.weight_percent) entry["weight_percent"] = *wishes.weight_percent;
        if (check.target.check->policy.passive == Passive::replace) {
            auto const handshake = traffic.last_handshake(check.target.address, check.target.port);
            if (handshake) entry["last_handshake_ago_ms"] = milliseconds_since(*handshake);
        }
        out.push_back(std::move(entry));
    }
    return out;
}

json::object finding_json(PathFinding const& finding) {
    json::object direct{{"outcome", name_of(finding.direct.code)},
                        {"duration_us", finding.direct.duration.count()}};
    add_outcome_details(direct, finding.direct);
    json::object out{
        {"check", finding.check}, {"fault", name_of(finding.fault)}, {"direct", std::move(direct)}};
    if (!finding.text.empty()) out["text"] = finding.text;
    return out;
}

pm_backend_counters counters_of(Daemon& daemon, BackendId id) {
    auto const& programs = daemon.datapath().programs();
    return total_of(programs.backend_counters(), static_cast<std::uint32_t>(id), programs.room().backends);
}

/// What departs from the configuration and from the probes: orders, rulings, a slow start.
void add_exceptions(Daemon& daemon, GenerationBackend const& backend, json::object& out) {
    auto const& admin = daemon.admin();
    if (auto const found = admin.weights().find(backend.key); found != admin.weights().end()) {
        out["weight_configured"] = found->second.configured;
        if (!found->second.reason.empty()) out["weight_reason"] = found->second.reason;
    }
    if (auto const* ruling = daemon.ruling_of(backend.key);
        ruling && ruling->by != RuledBy::probes && ruling->measured == backend.measured) // published
        out["ruled_by"] = name_of(ruling->by);
    if (backend.weight_percent != 100) out["agent_weight_percent"] = backend.weight_percent;
    if (backend.ramp < full_ramp) out["ramp_percent"] = backend.ramp * 100 / full_ramp;
    auto const now = std::chrono::steady_clock::now();
    if (auto const penalty = daemon.judgement().penalty_of(backend.key, now); penalty >= 1)
        out["flap_penalty"] = static_cast<std::uint64_t>(penalty);
    auto const* order = admin.find(backend.key);
    if (!order) return;
    out["admin_reason"] = order->reason;
    auto const* progress = admin.progress_of(backend.key);
    if (order->state != AdminState::drain || !progress) return;
    json::object drain{{"sessions_left", progress->left()}, {"remaining_s", nullptr}};
    if (auto const remaining = progress->remaining()) drain["remaining_s"] = remaining->count();
    if (order->deadline) {
        auto const left = std::chrono::duration_cast<std::chrono::milliseconds>(*order->deadline - now);
        drain["deadline_ms"] = std::max<std::int64_t>(left.count(), 0);
        drain["then"] = name_of(order->then.value_or(AdminState::maint));
    }
    out["drain"] = std::move(drain);
}

json::object backend_json(Daemon& daemon, GenerationBackend const& backend, SessionCounts const& sessions) {
    auto const counted = sessions.find(static_cast<std::uint32_t>(backend.id));
    auto const& story = daemon.story(backend.key);
    auto const counters = counters_of(daemon, backend.id);
    json::object out{{"name", backend.key.backend},
                     {"address", backend.address.text()},
                     {"port", backend.port},
                     {"state", name_of(backend.state())},
                     {"admin", name_of(backend.admin)},
                     {"since", rfc3339(story.since)},
                     {"because", story.because},
                     {"weight", backend.weight},
                     {"eligible", backend.eligible},
                     {"next_hop", backend.next_hop ? "resolved" : "unresolved"},
                     {"sessions", counted == sessions.end() ? 0 : counted->second},
                     {"connections", counters.established},
                     {"packets_to_backend", counters.packets_to_backend},
                     {"packets_to_client", counters.packets_to_client},
                     {"bytes_to_backend", counters.bytes_to_backend},
                     {"bytes_to_client", counters.bytes_to_client},
                     {"last_probe", nullptr}};
    out["checks"] = checks_json(daemon.health().checks(backend.key), daemon.traffic());
    if (auto const* probe = daemon.health().last_probe(backend.key))
        out["last_probe"] = last_probe_json(*probe);
    if (auto const* finding = daemon.path_finding(backend.key)) out["path"] = finding_json(*finding);
    add_exceptions(daemon, backend, out);
    return out;
}

/// All of it but its backends.
json::object service_json(GenerationService const& service, BackendSpan backends) {
    auto const healthy = std::ranges::count_if(
        backends, [](GenerationBackend const& backend) { return is_healthy(backend.state()); });
    json::object out{{"name", service.name},
                     {"address", service.address.text()},
                     {"port", service.port_first},
                     {"protocol", name_of(service.protocol)},
                     {"forward", name_of(service.forward)},
                     {"on_down", name_of(service.on_down)},
                     {"healthy", healthy},
                     {"total", backends.size()},
                     {"panic", service.panic},
                     {"announce", service.announce}};
    if (service.port_last != service.port_first)
        out["port"] = std::to_string(service.port_first) + "-" + std::to_string(service.port_last);
    return out;
}

json::object config_json(Daemon const& daemon) {
    json::object out{{"file", daemon.config_path()},
                     {"hash", daemon.hash()},
                     {"loaded", rfc3339(daemon.loaded())},
                     {"unconfirmed", nullptr}};
    if (auto const& pending = daemon.unconfirmed()) {
        auto const left = pending->until - std::chrono::steady_clock::now();
        out["unconfirmed"] = json::object{
            {"rolls_back_in_ms", std::chrono::duration_cast<std::chrono::milliseconds>(left).count()},
            {"to", pending->previous_hash}};
    }
    return out;
}

json::array alarms_json(Daemon const& daemon) {
    auto const now = std::chrono::steady_clock::now();
    json::array out;
    for (auto const& active : daemon.alarms().active()) {
        auto const age = std::chrono::duration_cast<std::chrono::system_clock::duration>(now - active.since);
        json::object entry{{"because", active.alarm.because},
                           {"text", active.alarm.text},
                           {"since", rfc3339(std::chrono::system_clock::now() - age)},
                           {"times", active.times}};
        if (!active.alarm.subject.empty()) entry[active.alarm.about] = active.alarm.subject;
        out.push_back(std::move(entry));
    }
    return out;
}

json::value adopted_json(Daemon const& daemon) {
    auto const& from = daemon.taken_over();
    if (!from) return nullptr;
    return json::object{{"tables", name_of(from->takeover)},
                        {"generation", from->generation},
                        {"sessions", from->sessions},
                        {"at", rfc3339(from->at)}};
}

/// All of it but the services.
json::object status_json(Daemon& daemon, Generation const& generation) {
    json::array interfaces;
    for (auto const& attachment : daemon.datapath().attachments())
        interfaces.push_back(json::object{{"name", attachment.interface().name},
                                          {"attach", name_of(attachment.choice().attach)},
                                          {"why", attachment.choice().why}});
    return {{"schema", "pointsman.status/1"},
            {"version", POINTSMAN_VERSION},
            {"generation", generation.number},
            {"config", config_json(daemon)},
            {"audit", daemon.audit().path()},
            {"session_table_bytes", daemon.datapath().programs().room().session_bytes()},
            {"alarms", alarms_json(daemon)},
            {"interfaces", std::move(interfaces)},
            {"probe_way_problem",
             daemon.way_problem().empty() ? json::value{} : json::value{daemon.way_problem()}},
            {"adopted", adopted_json(daemon)}};
}

/// The text of an object that has another member, an array, up to where its elements begin.
std::string with_array(json::object const& object, std::string_view name) {
    auto text = json::serialize(object);
    text.back() = ',';
    return text.append("\"").append(name).append("\":[");
}

/// Before each element of the array at the end of `text`.
void separate(std::string& text) {
    if (text.back() != '[') text += ',';
}

} // namespace

asio::awaitable<std::string> status_text(Daemon& daemon, SessionCounts sessions) {
    Turn turn;
    auto const generation = daemon.generation(); // the daemon may have another one after a turn
    auto text = with_array(status_json(daemon, generation), "services");
    for (auto const& service : generation.services) {
        auto const backends = generation.backends.of(service.id);
        separate(text);
        text += with_array(service_json(service, backends), "backends");
        for (auto const& backend : backends) {
            if (turn.is_over()) co_await turn.next();
            separate(text);
            text += json::serialize(backend_json(daemon, backend, sessions));
        }
        text += "]}";
    }
    text += "]}\n";
    co_return text;
}

bool is_ready(Daemon const& daemon) {
    auto const& generation = daemon.generation();
    return std::ranges::all_of(generation.services, [&](GenerationService const& service) {
        return std::ranges::any_of(generation.backends, [&](GenerationBackend const& backend) {
            return backend.service == service.id && backend.eligible;
        });
    });
}

} // namespace pointsman
