#include "controller/app/records.hpp"

#include "controller/api/clock.hpp"
#include "controller/api/text_escape.hpp"

#include <boost/json/array.hpp>
#include <fstream>

namespace json = boost::json;

namespace pointsman {

json::object effect_json(Effect const& effect) {
    json::object out{{"healthy", effect.healthy}, {"total", effect.total}, {"policy", effect.policy}};
    if (effect.sessions_on_backend) out["sessions_on_backend"] = *effect.sessions_on_backend;
    return out;
}

json::object subject_json(GenerationBackend const& backend) {
    return {{"service", backend.key.service},
            {"backend", backend.key.backend},
            {"address", endpoint_text(backend.address, backend.port)}};
}

void add_outcome_details(json::object& out, Outcome const& outcome) {
    if (outcome.error != 0) out["errno"] = outcome.error;
    if (outcome.status != 0) out["status"] = outcome.status;
    if (!outcome.first_bytes.empty()) out["first_bytes"] = escape_octets(outcome.first_bytes);
    if (!outcome.text.empty()) out["text"] = escape_octets(outcome.text);
    if (outcome.asks) out["asks"] = name_of(*outcome.asks);
    if (outcome.weight_percent) out["weight_percent"] = *outcome.weight_percent;
}

json::array evidence_json(std::span<JudgedProbe const> evidence, std::string_view check) {
    json::array out;
    for (auto const& probe : evidence) {
        json::object entry{{"mono_ns", mono_ns(probe.started)},
                           {"duration_us", probe.outcome.duration.count()},
                           {"outcome", name_of(probe.outcome.code)}};
        add_outcome_details(entry, probe.outcome);
        if (!check.empty()) entry["check"] = check;
        out.push_back(std::move(entry));
    }
    return out;
}

json::object row_json(HealthState const& row) {
    json::object out{{"state", name_of(row.state)}};
    if (works(row.state) && row.failed_in_row > 0) out["failed"] = row.failed_in_row;
    if (!works(row.state) && row.passed_in_row > 0) out["passed"] = row.passed_in_row;
    if (row.history != 0) out["history"] = row.history;
    return out;
}

void add_answers(json::object& out, Answers const& answers) {
    auto const add = [&out](std::string_view name, std::set<BackendKey> const& keys) {
        if (keys.empty()) return;
        auto& list = (out[name] = json::array{}).as_array();
        for (auto const& key : keys)
            list.emplace_back(text(key));
    };
    add("unanswered", answers.unanswered);
    add("answered", answers.answered);
    add("confirmed", answers.confirmed);
}

void add_wish(json::object& out, NotedProbe const& probe, unsigned lowest) {
    out["check"] = probe.check;
    out["was"] = percent_text(probe.percent_was);
    out["now"] = percent_text(probe.percent);
    out["because"] = "agent_weight";
    out["percent"] = probe.percent.value_or(100);
    out["lowest"] = lowest;
}

std::string percent_text(std::optional<unsigned> percent) {
    return std::to_string(percent.value_or(100)) + " %";
}

json::object actor_json(Peer const& peer) {
    std::string comm;
    std::getline(std::ifstream{"/proc/" + std::to_string(peer.pid) + "/comm"}, comm);
    return {{"uid", peer.uid}, {"pid", peer.pid}, {"comm", escape_octets(comm)}};
}

json::array changes_json(std::span<Change const> changes) {
    json::array out;
    for (auto const& change : changes) {
        json::object entry{{"kind", name_of(change.kind)}};
        if (!change.key.service.empty()) entry["service"] = change.key.service;
        if (!change.key.backend.empty()) entry["backend"] = change.key.backend;
        entry["was"] = change.was;
        entry["now"] = change.now;
        out.push_back(std::move(entry));
    }
    return out;
}

json::object generation_json(Published const& published) {
    return {{"from", published.was.number},
            {"to", published.plan.next.number},
            {"slots_moved", published.plan.slots_moved},
            {"prepare_us", published.prepare.count()},
            {"commit_us", (published.commit.count() + 999) / 1000}};
}

} // namespace pointsman
