#include "controller/app/metrics.hpp"

#include "controller/app/daemon.hpp"
#include "controller/app/drops.hpp"
#include "controller/app/metrics_text.hpp"
#include "controller/app/turns.hpp"
#include "controller/datapath/counters.hpp"
#include "controller/datapath/verdicts.hpp"

namespace asio = boost::asio;

namespace pointsman {
namespace {

/// Of a backend with several checks: one that is alone says what pointsman_backend_up does.
void add_checks(BackendKey const& key, std::span<CheckHealth const> checks, MetricsText& out) {
    if (checks.size() < 2) return;
    MetricsText::Label const service{"service", key.service};
    MetricsText::Label const backend{"backend", key.backend};
    for (auto const& check : checks) {
        MetricsText::Label const name{"check", check.name};
        out.gauge("pointsman_check_up", "1 while the check, by rise and fall, says that the backend works.",
                  {service, backend, name}, works(check.health.state) ? 1 : 0);
        out.gauge("pointsman_check_failed_in_row", "Probes that failed since the last one that passed.",
                  {service, backend, name}, check.health.failed_in_row);
        if (check.last)
            out.gauge("pointsman_check_last_duration_seconds", "Duration of the newest probe.",
                      {service, backend, name}, seconds_of(check.last->outcome.duration));
    }
}

void add_backend(Daemon& daemon, GenerationBackend const& backend, SessionCounts const& sessions,
                 MetricsText& out) {
    auto const& programs = daemon.datapath().programs();
    auto const& key = backend.key;
    MetricsText::Label const service{"service", key.service};
    MetricsText::Label const name{"backend", key.backend};
    MetricsText::Label const to_backend{"direction", "to_backend"};
    MetricsText::Label const to_client{"direction", "to_client"};
    auto const sum = total_of(programs.backend_counters(), static_cast<std::uint32_t>(backend.id),
                              programs.room().backends);
    auto const counted = sessions.find(static_cast<std::uint32_t>(backend.id));
    auto const moved = daemon.instruments().transitions.find(key);
    out.gauge("pointsman_backend_up", "1 while the backend is up or starting.", {service, name},
              is_healthy(backend.state()) ? 1 : 0);
    for (auto const state : {State::up, State::starting, State::drain, State::down, State::maint})
        out.gauge("pointsman_backend_state", "1 for the state that the backend is in.",
                  {service, name, {"state", name_of(state)}}, backend.state() == state ? 1 : 0);
    add_checks(key, daemon.health().checks(key), out);
    auto const& percents = daemon.health().percents();
    if (auto const percent = percents.find(key); percent != percents.end())
        out.gauge("pointsman_backend_agent_weight_percent",
                  "Share of its weight that the backend's agent asks for; absent where none said so.",
                  {service, name}, percent->second);
    auto const* finding = daemon.path_finding(key);
    out.gauge("pointsman_backend_path_fault",
              "1 while a check fails on its service's way and passes directly.", {service, name},
              finding != nullptr && finding->fault == PathFault::path ? 1 : 0);
    out.counter("pointsman_backend_transitions_total", "Changes of the measured state.", {service, name},
                moved == daemon.instruments().transitions.end() ? 0 : moved->second);
    char const* const packets = "Packets forwarded.";
    out.counter("pointsman_packets_total", packets, {service, name, to_backend}, sum.packets_to_backend);
    out.counter("pointsman_packets_total", packets, {service, name, to_client}, sum.packets_to_client);
    char const* const bytes = "Octets forwarded, Ethernet headers included.";
    out.counter("pointsman_bytes_total", bytes, {service, name, to_backend}, sum.bytes_to_backend);
    out.counter("pointsman_bytes_total", bytes, {service, name, to_client}, sum.bytes_to_client);
    out.counter("pointsman_second_chances_total",
                "Connections that the backend did not take and another one got.", {service, name},
                sum.second_chances);
    out.gauge("pointsman_sessions", "Valid sessions, one for each flow.", {service, name},
              counted == sessions.end() ? 0.0 : static_cast<double>(counted->second));
}

void add_interface(InterfaceCounts const& interface, MetricsText& out) {
    auto const fates = verdicts_json(interface.counters);
    for (char const* const fate : {"forwarded", "passed", "dropped"})
        out.counter("pointsman_interface_packets_total", "Packets by where they came from and what was done.",
                    {{"interface", interface.name}, {"fate", fate}},
                    fates.at(fate).to_number<std::uint64_t>());
}

void add_datapath(Daemon& daemon, MetricsText& out) {
    auto const interfaces = interface_counts(daemon);
    auto const sum = total_of(interfaces);
    for (auto const& interface : interfaces)
        add_interface(interface, out);
    std::uint64_t accounted = 0;
    for (auto const& [number, name] : verdict_names()) {
        accounted += sum.verdict[number];
        out.counter("pointsman_verdicts_total",
                    "Packets by what was done with them and why; docs/verdicts.md.", {{"verdict", name}},
                    sum.verdict[number]);
    }
    out.gauge("pointsman_unaccounted_packets", "Packets received without a named verdict: always 0.", {},
              static_cast<double>(sum.received) - static_cast<double>(accounted));
    for (std::size_t i = 0; i < connection_event_types; ++i)
        out.counter("pointsman_connections_total", "Connection events seen by the datapath.",
                    {{"event", name_of(static_cast<ConnectionEventType>(i))}}, sum.event[i]);
    out.counter("pointsman_events_lost_total", "Connection events that did not fit the ring buffer.", {},
                sum.events_lost);
    auto const& held = daemon.held_fragments();
    char const* const fragments = "Fragments that were held until the first one of their packet came.";
    out.counter("pointsman_held_fragments_total", fragments, {{"end", "first_came"}}, held.first_came);
    out.counter("pointsman_held_fragments_total", fragments, {{"end", "in_vain"}}, held.in_vain);
    out.counter("pointsman_held_fragments_total", fragments, {{"end", "lost"}}, held.lost);
    char const* const evicted = "Sessions replaced by new ones, by what they were.";
    out.counter("pointsman_session_evictions_total", evicted, {{"class", "closed"}}, sum.evicted_closed);
    out.counter("pointsman_session_evictions_total", evicted, {{"class", "embryonic"}},
                sum.evicted_embryonic);
    out.counter("pointsman_session_evictions_total", evicted, {{"class", "idle"}}, sum.evicted_idle);
}

void add_generation(Daemon& daemon, MetricsText& out) {
    out.gauge("pointsman_generation", "Number of the active generation.", {},
              static_cast<double>(daemon.generation().number));
    for (auto const& service : daemon.generation().services)
        out.gauge("pointsman_service_panic",
                  "1 while health is ignored because too few backends are healthy.",
                  {{"service", service.name}}, service.panic ? 1 : 0);
    for (auto const& service : daemon.generation().services)
        out.gauge("pointsman_service_announce",
                  "1 while enough backends are healthy for the address to be announced.",
                  {{"service", service.name}}, service.announce ? 1 : 0);
}

void add_probes(Daemon& daemon, MetricsText& out) {
    auto const& instruments = daemon.instruments();
    auto const monitor = daemon.monitor_counters();
    out.histogram("pointsman_probe_duration_seconds", "Duration of probes, failed ones included.",
                  instruments.probe_seconds);
    out.histogram("pointsman_probe_lateness_seconds", "How long after it was due a probe started.",
                  instruments.probe_lateness);
    for (auto const& [code, count] : instruments.outcomes)
        out.counter("pointsman_probe_results_total", "Probes by outcome.", {{"outcome", name_of(code)}},
                    count);
    out.counter("pointsman_probes_replaced_total",
                "tcp probes not made because a client's handshake stood for them (passive = \"replace\").",
                {}, monitor.replaced);
    out.gauge("pointsman_probes_in_flight", "Probes under way.", {}, static_cast<double>(monitor.in_flight));
    out.gauge("pointsman_probe_queue_seconds_max",
              "Longest that a probe waited for its turn, since the start.", {},
              std::chrono::duration<double>(monitor.queue_delay_max).count());
}

void add_publishing(Daemon& daemon, MetricsText& out) {
    auto const& instruments = daemon.instruments();
    out.histogram("pointsman_publish_seconds", "Planning, preparing and committing a generation.",
                  instruments.publish_seconds);
    out.counter("pointsman_publishes_refused_total", "Generations that did not fit the datapath's tables.",
                {}, instruments.publishes_refused);
    out.histogram("pointsman_failover_seconds",
                  "From the first failed probe of a backend that was up to the commit.",
                  instruments.failover_seconds);
    out.gauge("pointsman_config_last_reload_successful", "1 if the last reload was applied.", {},
              instruments.last_reload_successful ? 1 : 0);
    out.gauge("pointsman_config_unconfirmed", "1 while a reload waits to be confirmed.", {},
              daemon.unconfirmed() ? 1 : 0);
}

/// What says that the daemon itself is not as it should be.
void add_own_faults(Daemon& daemon, MetricsText& out) {
    auto const& instruments = daemon.instruments();
    for (auto const& active : daemon.alarms().active())
        out.gauge("pointsman_alarm", "1 for each alarm in force.",
                  {{"because", active.alarm.because}, {"interface", active.alarm.subject}}, 1);
    out.gauge("pointsman_loop_lag_seconds", "How late the last heartbeat was.", {},
              std::chrono::duration<double>(instruments.loop_lag).count());
    out.counter("pointsman_audit_records_lost_total", "Audit records that the disk refused.", {},
                daemon.audit().lost());
    out.counter("pointsman_state_write_failures_total", "Times that the state file could not be written.", {},
                daemon.state_write_failures());
    out.counter("pointsman_sessions_lost_total",
                "Sessions that a swap could not carry over for want of a place.", {},
                instruments.sessions_lost);
}

} // namespace

asio::awaitable<std::string> metrics_text(Daemon& daemon, SessionCounts sessions) {
    MetricsText out;
    Turn turn;
    auto const backends = daemon.generation().backends; // the daemon may have others after a turn
    for (auto const& backend : backends) {
        if (turn.is_over()) co_await turn.next();
        add_backend(daemon, backend, sessions, out);
    }
    co_await turn.next();
    add_datapath(daemon, out);
    add_generation(daemon, out);
    add_probes(daemon, out);
    add_publishing(daemon, out);
    add_own_faults(daemon, out);
    co_return out.take();
}

} // namespace pointsman
