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

bool takes_evidence(CheckHealth const& check) {
    return check.type != CheckType::none && check.target.check->policy.passive != Passive::off;
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
    auto const checks = health_.checks(backend.key);
    auto const first = std::ranges::find_if(checks, takes_evidence);
    if (first == checks.end()) return;
    auto const now = Clock::now();
    auto const last = suspicions_.find(backend.key);
    auto const fresh =
        last == suspicions_.end() || now - last->second >= first->target.check->policy.interval;
    if (!fresh && (!event || event->type == ConnectionEventType::aborted)) return;
    auto const refused = event && event->type != ConnectionEventType::unanswered;
    bool news = false;
    for (auto const& check : checks) {
        if (!takes_evidence(check)) continue;
        auto const before = monitor_.state_of(check.target);
        monitor_.probe_now(check.target, refused ? Evidence::refused : Evidence::general);
        news |= before && !before->suspect && works(before->state);
    }
    if (!fresh || !news) return;
    suspicions_[backend.key] = now;
    json::object record = subject_json(backend);
    record["because"] = because;
    if (event) {
        record["client"] = endpoint_text(event->client, event->client_port);
        record["seen_mono_ns"] = event->time_ns;
    }
    audit_.write("passive", record);
    spdlog::info("{}: {} by its traffic; probing now", text(backend.key), because);
}

/// Of a new configuration. Busy backends are probed once more after it.
void Daemon::expect_handshakes() {
    auto const replaces = [](Backend const& backend) {
        auto const wishes = [](Check const& check) { return check.policy.passive == Passive::replace; };
        return wishes(*backend.check) || std::ranges::any_of(backend.more_checks, wishes);
    };
    handshakes_count_ = std::ranges::any_of(desired_.services, [&](Service const& service) {
        return std::ranges::any_of(service.backends, replaces);
    });
    traffic_.forget_handshakes();
}

/// With passive = "eject" enough different clients stand for a probe.
void Daemon::count_failed_client(GenerationBackend const& backend, ConnectionEvent const& event) {
    auto const ejects = [](CheckHealth const& check) {
        return check.target.check->policy.passive == Passive::eject;
    };
    if (std::ranges::none_of(health_.checks(backend.key), ejects)) return;
    auto const now = Clock::now();
    auto const established = sum_of(datapath_.programs(), backend.id).established;
    if (!failed_clients_[backend.key].note(event.client, established, now)) return;
    if (!judgement_.eject(backend.key, now)) return;
    json::object record = subject_json(backend);
    record["because"] = "clients_failed";
    audit_.write("passive", record, Moment::at(now));
    publisher_.mark_dirty();
}

void Daemon::look_at_traffic() {
    if (stopping_) return;
    look_at_self();
    datapath_.note_alive();
    std::vector<BackendTraffic> traffic;
    GenerationService const* service = nullptr;
    for (auto const& backend : generation().backends) {
        if (!service || service->id != backend.service) service = generation().find(backend.key.service);
        bool const shows_answers = service && service->forward == Forward::nat; // otherwise they pass us by
        if (!works(backend.measured) || !shows_answers) continue;
        auto const sum = sum_of(datapath_.programs(), backend.id);
        auto const established = service->protocol == Protocol::tcp ? sum.established : 0;
        std::uint16_t const port = handshakes_count_ ? backend.port : 0;
        traffic.push_back({backend.id, static_cast<std::uint16_t>(backend.service), sum.to_backend,
                           sum.to_client, established, backend.address, port});
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
