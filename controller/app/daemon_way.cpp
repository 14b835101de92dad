// What the daemon does about probes on their services' way, and about faults that only they see.
#include "controller/app/daemon.hpp"

#include "controller/model/names.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <spdlog/spdlog.h>

namespace asio = boost::asio;
namespace json = boost::json;

namespace pointsman {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::minutes alarm_interval{1};

void rethrow(std::exception_ptr const& failure) {
    if (failure) std::rethrow_exception(failure);
}

} // namespace

/// Not before the datapath is attached: that ends what earlier daemons left on the interfaces.
void Daemon::follow_service_way() {
    if (datapath_.attachments().empty() || !service_way_.follow(desired_, view_, datapath_)) return;
    health_.assign(probed());
    set_targets();
    if (service_way_.problem().empty()) return spdlog::info("probes take their services' way again");
    raise({"probe_way",
           "probes go directly to their backends, not on their services' way: " + service_way_.problem()});
}

/// What is probed, by the way that is possible.
DesiredState Daemon::probed() const {
    return service_way_.problem().empty() ? desired_ : probed_directly(desired_);
}

/// A check of a backend failed on its service's way: would it have passed without?
void Daemon::ask_directly(NotedProbe const& probe, ProbeReport const& report) {
    asio::co_spawn(context_, find_fault(probe.key, probe.check, report.target, report.outcome), rethrow);
}

asio::awaitable<void> Daemon::find_fault(BackendKey key, std::string check, ProbeTarget target,
                                         Outcome on_way) {
    auto const slot = co_await fault_slots_.take();
    ProbeTarget const direct_target = directly(target);
    Outcome const direct = co_await probe(direct_target);
    note_fault({std::move(check), path_fault(direct), direct, {}}, key, target, on_way);
}

void Daemon::note_fault(PathFinding finding, BackendKey const& key, ProbeTarget const& target,
                        Outcome const& on_way) {
    auto const checks = health_.checks(key);
    auto const is_it = [&](CheckHealth const& check) {
        return check.name == finding.check && check.target == target &&
               check.health.state == MeasuredState::down;
    };
    auto const service = std::ranges::find(desired_.services, key.service, &Service::name);
    auto const* backend = generation().find(key);
    if (std::ranges::none_of(checks, is_it) || service == desired_.services.end() || !backend) return;
    if (finding.fault == PathFault::path) {
        finding.text = path_fault_text(*service, target, on_way);
        tell_of_path_fault(*backend, finding, on_way);
    }
    path_findings_[key] = std::move(finding);
}

/// Once a minute at most for each backend.
void Daemon::tell_of_path_fault(GenerationBackend const& backend, PathFinding const& finding,
                                Outcome const& on_way) {
    if (backend.admin == AdminState::ready) stories_[backend.key].because = "path_fails";
    auto const now = Clock::now();
    auto& last = alarms_["path_fails " + text(backend.key)];
    if (last != Clock::time_point{} && now - last < alarm_interval) return;
    last = now;
    json::object record = subject_json(backend);
    record["because"] = "path_fails";
    record["text"] = finding.text;
    record["check"] = finding.check;
    record["on_way"] = name_of(on_way.code);
    record["direct"] = name_of(finding.direct.code);
    audit_.write("alarm", record);
    spdlog::error("{}", finding.text);
}

PathFinding const* Daemon::path_finding(BackendKey const& key) const {
    auto const found = path_findings_.find(key);
    return found == path_findings_.end() ? nullptr : &found->second;
}

} // namespace pointsman
