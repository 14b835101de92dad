// What the daemon makes of clients' connections: evidence that asks for a probe.
#include "controller/app/daemon.hpp"

#include <algorithm>
#include <spdlog/spdlog.h>

namespace json = boost::json;

namespace pointsman {
namespace {

using Clock = std::chrono::steady_clock;

/// One backend's counters, summed over the CPUs.
struct CounterSum {
    std::uint64_t to_backend = 0;
    std::uint64_t to_client = 0;
    std::uint64_t established = 0;
};

CounterSum sum_of(Programs const& programs, BackendId id) {
    CounterSum sum;
    auto const counters = programs.backend_counters();
    for (auto i = static_cast<std::size_t>(id); i < counters.size(); i += programs.room().backends) {
        sum.to_backend += counters[i].packets_to_backend;
        sum.to_client += counters[i].packets_to_client;
        sum.established += counters[i].established;
    }
    return sum;
}

} // namespace

void Daemon::on_event(ConnectionEvent const& event) {
    ++instruments_.events[static_cast<std::size_t>(event.type) % instruments_.events.size()];
    if (event.type == ConnectionEventType::established && event.protocol == Protocol::tcp)
        traffic_.handshake(event.backend, event.handshake);
    auto const* backend = event.is_evidence() ? generation().find(event.backend) : nullptr;
    if (!backend || backend->incarnation != event.incarnation) return;
    count_failed_client(*backend, event);
    suspect(*backend, name_of(event.type), &event);
}

/// Asks for a probe now and writes a record, at most once per interval: applications that end their
/// connections by RST, or take packets and answer none, are no reason to probe all the time. Refused and
/// unanswered connections go on asking while the suspicion lasts.
void Daemon::suspect(GenerationBackend const& backend, std::string_view because,
                     ConnectionEvent const* event) {
    auto const* target = health_.target_of(backend.key);
    if (!target || target->check.type == CheckType::none) return;
    if (target->check.policy.passive == Passive::off) return;
    auto const now = Clock::now();
    auto const last = suspicions_.find(backend.key);
    auto const fresh = last == suspicions_.end() || now - last->second >= target->check.policy.interval;
    if (!fresh && (!event || event->type == ConnectionEventType::aborted)) return;
    auto const before = monitor_.state_of(*target);
    auto const refused = event && event->type != ConnectionEventType::unanswered;
    monitor_.probe_now(*target, refused ? Evidence::refused : Evidence::general);
    if (!fresh || !before || before->suspect || !works(before->state)) return;
    suspicions_[backend.key] = now;
    json::object record = subject_json(backend);
    record["because"] = because;
    if (event) {
        record["client"] = event->client.text() + ":" + std::to_string(event->client_port);
        record["seen_mono_ns"] = event->time_ns;
    }
    audit_.write("passive", record);
    spdlog::info("{}: {} by its traffic; probing now", text(backend.key), because);
}

/// With passive = "eject" enough different clients stand for a probe.
void Daemon::count_failed_client(GenerationBackend const& backend, ConnectionEvent const& event) {
    auto const* target = health_.target_of(backend.key);
    if (!target || target->check.policy.passive != Passive::eject) return;
    auto const now = Clock::now();
    auto const established = sum_of(datapath_.programs(), backend.id).established;
    if (!failed_clients_[backend.key].note(event.client, established, now)) return;
    if (judgement_.eject(backend.key, now)) publisher_.mark_dirty();
}

void Daemon::look_at_traffic() {
    if (stopping_) return;
    std::vector<BackendTraffic> traffic;
    for (auto const& backend : generation().backends) {
        if (!works(backend.measured)) continue;
        auto const sum = sum_of(datapath_.programs(), backend.id);
        traffic.push_back(
            {backend.id, static_cast<std::uint16_t>(backend.service), sum.to_backend, sum.to_client});
    }
    for (auto const& doubt : traffic_.look(traffic, Clock::now()))
        if (auto const* backend = generation().find(doubt.id))
            suspect(*backend, name_of(doubt.kind), nullptr);
    look_due_.expires_after(traffic_.interval());
    look_due_.async_wait([this](boost::system::error_code error) {
        if (!error) look_at_traffic();
    });
}

} // namespace pointsman
