#pragma once

#include "controller/api/audit_trail.hpp"
#include "controller/api/http_server.hpp"
#include "controller/app/admin_book.hpp"
#include "controller/app/alarm_book.hpp"
#include "controller/app/datapath_host.hpp"
#include "controller/app/health_book.hpp"
#include "controller/app/heap.hpp"
#include "controller/app/instruments.hpp"
#include "controller/app/plan_preview.hpp"
#include "controller/app/publisher.hpp"
#include "controller/app/records.hpp"
#include "controller/app/service_way.hpp"
#include "controller/app/state_keeper.hpp"
#include "controller/config/parse.hpp"
#include "controller/datapath/event_ring.hpp"
#include "controller/datapath/held_fragments.hpp"
#include "controller/datapath/network.hpp"
#include "controller/plan/judgement.hpp"
#include "controller/plan/maglev_builds.hpp"
#include "controller/plan/own_link.hpp"
#include "controller/plan/passive.hpp"
#include "controller/plan/self_watch.hpp"
#include "healthcheck/monitor.hpp"
#include "healthcheck/path_fault.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <set>
#include <string>

namespace pointsman {

/// What this daemon went on from when it started.
struct TakenOver {
    Takeover takeover = Takeover::fresh;
    std::uint64_t generation = 0;
    std::uint64_t sessions = 0;
    WallTime at;
};

/// The result of a request that a person made.
struct Answer {
    enum class Kind : std::uint8_t { done, invalid, refused, unknown };

    Kind kind = Kind::done;
    std::string text; ///< for people: diagnostics, or what happened
};

/// A configuration that was applied.
struct AppliedConfig {
    DesiredState desired;
    std::string hash;
    std::string text;
};

/// A reload that waits to be confirmed.
struct Unconfirmed {
    std::chrono::steady_clock::time_point until;
    std::string previous_hash; ///< of what a rollback returns to
};

/// The daemon: reads health, events, network and orders, and keeps the datapath at what follows from them.
/// One thread.
class Daemon {
public:
    /// Everything up to forwarding. `config.state` must be set.
    /// @throws std::runtime_error, one line that names cause and remedy; nothing is left behind.
    Daemon(std::string config_path, ParsedConfig config);
    Daemon(Daemon const&) = delete;
    Daemon& operator=(Daemon const&) = delete;
    ~Daemon();

    /// Runs until SIGTERM or SIGINT.
    void run();

    /// Applies the file again as a whole, or not at all. With `confirm_within` it is rolled back by itself
    /// unless confirm() comes in time; until then no other reload is taken.
    [[nodiscard]] Answer reload(std::optional<Peer> actor,
                                std::optional<std::chrono::milliseconds> confirm_within = std::nullopt);

    /// Keeps what the last reload applied.
    [[nodiscard]] Answer confirm(std::optional<Peer> actor);

    /// Goes back to what the last reload replaced.
    [[nodiscard]] Answer rollback(std::optional<Peer> actor);

    /// What a preview of this configuration rests on. Asks nobody: new backends are taken to be reachable.
    [[nodiscard]] PreviewInput preview_input(DesiredState wanted) const;

    /// Sets an admin state.
    [[nodiscard]] Answer order(BackendKey const& key, AdminOrder order, std::optional<Peer> actor);

    /// Sets a weight until a reload changes the configured one, or until `ready`.
    [[nodiscard]] Answer order_weight(BackendKey const& key, WeightOrder order, std::optional<Peer> actor);

    /// Completes when what was ordered until now is in force and on disk.
    [[nodiscard]] boost::asio::awaitable<void> settled();

    /// Flows that are not closed, by backend id. Reads the session table on another thread.
    [[nodiscard]] boost::asio::awaitable<SessionCounts> sessions();

    /// Reads large tables and computes what takes long, beside the loop.
    [[nodiscard]] boost::asio::thread_pool& reader() noexcept { return reader_; }

    // What status and metrics are made of.
    [[nodiscard]] std::optional<Unconfirmed> const& unconfirmed() const noexcept { return unconfirmed_; }
    [[nodiscard]] DesiredState const& desired() const noexcept { return desired_; }
    [[nodiscard]] Generation const& generation() const noexcept { return publisher_.current(); }
    [[nodiscard]] DatapathHost& datapath() noexcept { return datapath_; }
    [[nodiscard]] HealthBook const& health() const noexcept { return health_; }
    [[nodiscard]] MonitorCounters monitor_counters() const noexcept { return monitor_.counters(); }
    [[nodiscard]] TrafficWatch const& traffic() const noexcept { return traffic_; }
    [[nodiscard]] AdminBook const& admin() const noexcept { return admin_; }
    [[nodiscard]] Ruling const* ruling_of(BackendKey const& key) const;
    [[nodiscard]] Judgement const& judgement() const noexcept { return judgement_; }
    /// What a direct probe found when one on the service's way had failed; null while all is well.
    [[nodiscard]] PathFinding const* path_finding(BackendKey const& key) const;
    /// Why probes do not take their services' way although they should; empty: they do.
    [[nodiscard]] std::string const& way_problem() const noexcept { return service_way_.problem(); }
    [[nodiscard]] AlarmBook const& alarms() const noexcept { return alarms_; }
    [[nodiscard]] HeldFragments::Counts const& held_fragments() const noexcept {
        return held_fragments_.counts();
    }
    [[nodiscard]] Instruments const& instruments() const noexcept { return instruments_; }
    [[nodiscard]] AuditTrail const& audit() const noexcept { return audit_; }
    [[nodiscard]] StateStory const& story(BackendKey const& key) { return stories_[key]; }
    /// Nothing after a fresh start.
    [[nodiscard]] std::optional<TakenOver> const& taken_over() const noexcept { return taken_over_; }
    [[nodiscard]] std::uint64_t state_write_failures() const noexcept { return keeper_.failures(); }
    [[nodiscard]] std::string const& config_path() const noexcept { return config_path_; }
    [[nodiscard]] std::string const& hash() const noexcept { return hash_; }
    [[nodiscard]] std::chrono::system_clock::time_point loaded() const noexcept { return loaded_; }

private:
    /// The first reason to publish since the last publish.
    struct Cause {
        std::uint64_t seq = 0;
        std::chrono::steady_clock::time_point decided;
        std::optional<std::chrono::steady_clock::time_point>
            evidence; ///< of a failover: start of the first failed probe
    };

    void start();
    void take_over();
    void tell_of_takeover(std::string_view state_file, std::size_t orders);
    void tell_of_carried_sessions();
    [[nodiscard]] SavedState state_to_save() const;
    [[nodiscard]] SavedBackend state_to_save(GenerationBackend const& backend) const;
    void state_not_saved(std::string const& why);
    void give_up_privileges();
    void listen();
    void set_targets();
    void read_network();
    void follow_interfaces();
    void follow_service_way();
    [[nodiscard]] DesiredState probed() const;
    void ask_directly(NotedProbe const& probe, ProbeReport const& report);
    [[nodiscard]] boost::asio::awaitable<void> find_fault(BackendKey key, std::string check,
                                                          ProbeTarget target, Outcome on_way);
    void note_fault(PathFinding finding, BackendKey const& key, ProbeTarget const& target,
                    Outcome const& on_way);
    void tell_of_path_fault(GenerationBackend const& backend, PathFinding const& finding,
                            Outcome const& on_way);
    void attach_again(Interface const& interface);
    void tell_of(Attachment const& attachment);
    void apply(AppliedConfig config, std::uint64_t cause_seq);
    [[nodiscard]] Answer refuse_reload(Answer::Kind kind, std::string text, std::optional<Peer> const& actor);
    void await_confirmation(std::chrono::milliseconds within);
    [[nodiscard]] std::uint64_t write_reload(boost::json::object record, AppliedConfig const& config,
                                             std::optional<Peer> const& actor);
    Answer return_to_previous(std::string_view because, std::optional<Peer> const& actor);
    void on_signal();
    void on_deadline();
    void beat();
    void stop();
    [[nodiscard]] boost::asio::awaitable<void> shut_down();

    [[nodiscard]] Plan plan(Generation const& current, PlanScope const* only);
    [[nodiscard]] std::map<BackendKey, Adjustment> adjustments(PlanScope const* only) const;
    void judge_all(std::chrono::steady_clock::time_point now);
    [[nodiscard]] std::vector<ChangedRuling> judge(std::vector<BackendKey> const& told,
                                                   std::chrono::steady_clock::time_point now);
    void follow(std::vector<ChangedRuling> const& changed);
    void tell_of(std::vector<ChangedRuling> const& changed, std::vector<BackendKey> const& told,
                 std::chrono::steady_clock::time_point now);
    void wait_for_judgement();
    void on_ruling(GenerationBackend const& backend, Ruling const& was, Ruling const& is,
                   std::chrono::steady_clock::time_point now);
    void follow_own_links(std::chrono::steady_clock::time_point now);
    void look_at_self();
    void look_at_audit_trail();
    void raise(Alarm const& alarm);
    void end_alarms(std::function<bool(Alarm const&)> const& is_over);
    void end_alarms(std::string_view because, std::string_view subject = {});
    [[nodiscard]] bool is_over(Alarm const& alarm) const;
    [[nodiscard]] bool has_own_fault(std::string_view because) const;
    void note_sessions(SessionCounts const& counts); ///< lets drains know how they go on
    void on_published(Published const& published);
    void on_change(Change const& change, Published const& published);
    void on_publish_refused(std::string const& why);
    void on_carried(CarryOver const& carried);
    void on_report(ProbeReport const& report);
    void on_verdict(ProbeReport const& report, std::vector<NotedProbe> const& noted,
                    std::vector<BackendKey> const& changed, Answers answers,
                    std::chrono::steady_clock::time_point now);
    void on_wishes(ProbeReport const& report, std::vector<NotedProbe> const& noted,
                   std::chrono::steady_clock::time_point now);
    void foresee(ProbeReport const& report, std::vector<NotedProbe> const& noted);
    void own_fault(ProbeReport const& report);
    void on_transition(NotedProbe const& probe, ProbeReport const& report, Ruling const* before,
                       Answers const& answers, std::chrono::steady_clock::time_point now);
    void on_hidden_transition(NotedProbe const& probe, ProbeReport const& report, Answers const& answers,
                              std::chrono::steady_clock::time_point now);
    void tell_of_inheritance(std::chrono::steady_clock::time_point now);
    void on_event(ConnectionEvent const& event);
    void suspect(GenerationBackend const& backend, std::string_view because, ConnectionEvent const* event);
    void count_failed_client(GenerationBackend const& backend, ConnectionEvent const& event);
    void look_at_traffic();
    void expect_handshakes();
    void tell(BackendKey const& key, std::string because);
    void cause(Cause cause);
    [[nodiscard]] Effect effect_on(GenerationBackend const& backend) const;

    std::string config_path_;
    DesiredState desired_;
    std::string hash_;
    std::string text_; ///< of the configuration in force
    std::chrono::system_clock::time_point loaded_;
    ServiceWay service_way_{[this]() -> Generation const& { return generation(); }};
    ProbeSlots fault_slots_{64};
    boost::asio::io_context context_{1}; ///< ends before what its coroutines use
    Heap heap_{context_};
    AuditTrail audit_;
    HttpServer control_;
    HttpServer http_;
    DatapathHost datapath_;
    boost::asio::thread_pool reader_{1}; ///< reads large tables
    Instruments instruments_;
    Network network_;
    NetworkView view_;
    HealthBook health_;
    AdminBook admin_;
    Judgement judgement_;
    Rulings rulings_;                                  ///< the newest
    std::map<BackendKey, MeasuredState> ruled_states_; ///< likewise: what the plan is told
    TrafficWatch traffic_;
    bool handshakes_count_ = false;                      ///< some check has passive = "replace"
    std::map<BackendKey, FailedClients> failed_clients_; ///< of backends with passive = "eject"
    HealthMonitor monitor_;
    MaglevMemory maglev_memory_;
    Publisher publisher_;
    std::chrono::steady_clock::time_point foresee_again_; ///< not before
    StateKeeper keeper_;
    EventRing events_;
    HeldFragments held_fragments_;
    NetworkMonitor network_monitor_;
    boost::asio::signal_set signals_;
    boost::asio::steady_timer deadline_;
    boost::asio::steady_timer heartbeat_;
    boost::asio::steady_timer confirmation_;
    std::optional<AppliedConfig> previous_; ///< what the last reload replaced
    std::optional<Unconfirmed> unconfirmed_;
    boost::asio::steady_timer judgement_due_;
    boost::asio::steady_timer look_due_;
    std::map<BackendKey, StateStory> stories_;
    std::map<BackendKey, std::chrono::steady_clock::time_point> suspicions_; ///< when evidence last counted
    std::map<BackendKey, PathFinding> path_findings_;                        ///< of checks that are down
    AlarmBook alarms_;
    SelfWatch self_watch_;
    CutOff cut_off_;
    std::chrono::steady_clock::time_point planned_; ///< when the newest plan was made
    std::uint64_t audit_losses_seen_ = 0;
    std::chrono::steady_clock::time_point looked_; ///< last look at ourselves
    std::optional<Cause> cause_;
    std::optional<TakenOver> taken_over_;
    bool stopping_ = false;
};

} // namespace pointsman
