#include "controller/app/why.hpp"

#include "controller/app/manual.hpp"
#include "controller/datapath/session_list.hpp"
#include "controller/datapath/verdicts.hpp"
#include "controller/model/names.hpp"

#include <algorithm>
#include <boost/json/array.hpp>

namespace json = boost::json;

namespace pointsman {
namespace {

std::string hex(std::uint64_t number) {
    std::string digits(16, '0');
    for (std::size_t i = digits.size(); i-- > 0; number >>= 4)
        digits[i] = "0123456789abcdef"[number & 15];
    return digits;
}

json::object hash_step(FlowDecision const& decision) {
    auto const sets = std::to_string(decision.sets[0]) + " and " + std::to_string(decision.sets[1]);
    return {{"step", "hash"},
            {"hash", hex(decision.hash)},
            {"sets", json::array{decision.sets[0], decision.sets[1]}},
            {"text", "flow hash " + hex(decision.hash) + ": its session would be in set " + sets}};
}

/// Why a session decides or does not.
std::string standing_of(MetSession const& met) {
    if (met.session.state & PM_SESSION_CUT) return "cut: its client was told that the backend is gone";
    if (!met.valid) return "of an earlier incarnation: its backend went down, into maintenance or away";
    if (met.idle) return "idle for too long";
    if (met.lost_port) return "half-open for too long: another flow has its NAT port";
    if (!met.decides()) return "closed: a new connection takes its place";
    return met.in_other_half ? "valid, and the next packet moves it to the other half" : "valid";
}

json::object session_step(FlowDecision const& decision) {
    if (!decision.session) return {{"step", "session"}, {"found", false}, {"text", "no session: a new flow"}};
    auto const& met = *decision.session;
    std::string const direction = met.session.direction == PM_TO_CLIENT ? "to_client" : "to_backend";
    std::string const state{session_state_name(met.session.state)};
    return {{"step", "session"},
            {"found", true},
            {"direction", direction},
            {"state", state},
            {"incarnation", met.session.incarnation},
            {"decides", met.decides() && met.valid && !met.idle},
            {"text", "session " + direction + ", " + state + ", incarnation " +
                         std::to_string(met.session.incarnation) + ", " + standing_of(met)}};
}

json::object service_step(GenerationService const* service, FlowQuestion const& question) {
    if (!service)
        return {{"step", "service"},
                {"found", false},
                {"text", "no service at " + question.destination.text() + "/" +
                             std::string{name_of(question.protocol)}}};
    return {{"step", "service"},
            {"found", true},
            {"service", service->name},
            {"forward", name_of(service->forward)},
            {"text", "service " + service->name + ", forward " + std::string{name_of(service->forward)} +
                         ", on_down " + std::string{name_of(service->on_down)} +
                         (service->panic ? ", in panic: health is ignored" : "")}};
}

json::object maglev_step(FlowDecision const& decision) {
    if (decision.slots == 0)
        return {{"step", "maglev"}, {"slots", 0}, {"text", "no backend is eligible: the table is empty"}};
    return {
        {"step", "maglev"},
        {"slot", decision.slot},
        {"slots", decision.slots},
        {"text", "Maglev slot " + std::to_string(decision.slot) + " of " + std::to_string(decision.slots)}};
}

/// A backend without a port of its own answers at the one that the client sent to.
std::string address_of(GenerationBackend const& backend, FlowDecision const& decision,
                       FlowQuestion const& question) {
    auto const answers = decision.session && decision.session->session.direction == PM_TO_CLIENT;
    auto const asked = answers ? question.source.port : question.destination.port;
    return Endpoint{backend.address, backend.port == 0 ? asked : backend.port}.text();
}

json::object backend_step(GenerationBackend const& backend, std::string const& address) {
    return {{"step", "backend"},
            {"backend", text(backend.key)},
            {"address", address},
            {"state", name_of(backend.state())},
            {"incarnation", backend.incarnation},
            {"next_hop", backend.next_hop ? "resolved" : "unresolved"},
            {"text", "backend " + text(backend.key) + " at " + address + ", " +
                         std::string{name_of(backend.state())} + ", incarnation " +
                         std::to_string(backend.incarnation) + ", next hop " +
                         (backend.next_hop ? "resolved" : "unresolved")}};
}

json::object verdict_step(std::uint32_t verdict) {
    auto const names = verdict_names();
    auto const found = std::ranges::find(names, verdict, &VerdictName::number);
    std::string const name{found == names.end() ? "unknown" : found->name};
    auto const manual = explain_verdict(name);
    return {{"step", "verdict"}, {"verdict", name}, {"text", name + (manual ? ": " + manual->meaning : "")}};
}

GenerationService const* service_of(Generation const& generation, std::uint32_t id) {
    auto const found = std::ranges::find_if(generation.services, [&](GenerationService const& service) {
        return static_cast<std::uint32_t>(service.id) == id;
    });
    return found == generation.services.end() ? nullptr : &*found;
}

} // namespace

json::object why_json(FlowQuestion const& question, FlowDecision const& decision,
                      Generation const& generation) {
    json::array steps{hash_step(decision), session_step(decision)};
    auto const* service = service_of(generation, decision.service);
    auto const* backend =
        decision.backend == 0 ? nullptr : generation.find(static_cast<BackendId>(decision.backend));
    auto const by_session = decision.session && decision.slots == 0 && decision.backend != 0;
    if (service || !decision.session) steps.push_back(service_step(service, question));
    if (service && !by_session) steps.push_back(maglev_step(decision));
    if (backend) steps.push_back(backend_step(*backend, address_of(*backend, decision, question)));
    steps.push_back(verdict_step(decision.verdict));
    json::object out{{"schema", "pointsman.why/1"},
                     {"from", question.source.text()},
                     {"to", question.destination.text()},
                     {"protocol", name_of(question.protocol)},
                     {"generation", generation.number},
                     {"service", nullptr},
                     {"backend", nullptr},
                     {"verdict", steps.back().at("verdict")}};
    if (service) out["service"] = service->name;
    if (backend) out["backend"] = text(backend->key);
    out["steps"] = std::move(steps);
    return out;
}

} // namespace pointsman
