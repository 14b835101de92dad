#pragma once

#include "controller/plan/judgement.hpp"
#include "controller/plan/plan.hpp"
#include "healthcheck/probe_track.hpp"

#include <deque>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace pointsman::sim {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;

/// Something that happens to the world, at a time after the start.
struct Happening {
    enum class Kind : std::uint8_t {
        kill,   ///< the process dies: connections are refused
        darken, ///< the host answers nothing
        slow,   ///< it answers after `value` ms
        ask,    ///< it answers with the wish to drain, or with `value` 1 to rest
        revive, ///< it works again, at once
        noise,  ///< one broken client's connection to it fails
        stall,  ///< this process stands still for `value` ms
        link,   ///< our own link is dead for `value` ms, with its carrier
        mute,   ///< packets of all hosts are lost on the way for `value` ms; the carrier stays
        starve, ///< this process gets no descriptors for `value` ms
        deafen, ///< connection events are lost for `value` ms
        drain,  ///< an operator's orders
        maint,
        ready,
        weight, ///< to `value`
        share,  ///< its agent wants `value` percent of its weight
        reload, ///< the backend is taken out of the configuration, or put back
        restart ///< this process ends; `value` ms later another one goes on, from the tables if that is even
    };
    Duration at{};
    Kind kind = Kind::kill;
    unsigned backend = 0; ///< index in the world
    unsigned value = 0;
};

[[nodiscard]] std::string text(Happening const& happening);

/// What one seed decides, besides what happens.
struct Setup {
    std::vector<unsigned> pools; ///< backends of each service
    bool traffic = true;
    HealthPolicy policy;
    Duration slow_start{};
    unsigned panic_threshold = 50;
    std::uint32_t seed = 0;
};

[[nodiscard]] Setup setup_of(std::uint32_t seed);
[[nodiscard]] std::vector<Happening> happenings_of(std::uint32_t seed, Setup const& setup);

/// Runs the decision core against what happens. Time is what this says.
class World {
public:
    World(Setup setup, std::vector<Happening> happenings);

    /// @return the first promise that was broken, with its time; nullopt when all held.
    [[nodiscard]] std::optional<std::string> run();

private:
    enum class Mode : std::uint8_t { good, asking, slow, refusing, dark };

    struct Flight {
        Time began;
        Time ends;
        OutcomeCode code = OutcomeCode::L7OK;
        AdminState asks = AdminState::ready;
        bool overlapped = false;
    };

    struct Server {
        BackendKey key;
        Backend wanted;
        Mode mode = Mode::good;
        AdminState asks = AdminState::drain; ///< while its mode is to ask
        Duration latency{};
        Time changed{};           ///< when its mode changed last
        std::optional<Time> dead; ///< since when it has been dead without any excuse of ours
        bool was_up = false;      ///< taking flows when it died
        Time faulty{};            ///< when it was last not good, or unreachable from here
        bool configured = true;
        std::optional<ProbeTrack> track;
        std::deque<Flight> flights;
        std::optional<Time> evidence; ///< when traffic shows its fault next
    };

    [[nodiscard]] Time next_time() const;
    void happen(Happening const& happening);
    void order(Server& server, AdminState state);
    void restart_at(Time begin, bool cold);
    void set_mode(Server& server, Mode mode, Duration latency = {});
    void follow_own_link();
    void own_fault_until(Time end);
    void configure();
    void start_probes(Server& server);
    void end_probes(Server& server);
    void conclude(Server& server, Flight const& flight);
    void show_evidence(Server& server);
    void publish();
    void check(Plan const& plan, Rulings const& before);
    void rule_at_once(BackendKey const& key);
    void check_verdicts_first(Plan const& plan, Rulings const& before);
    void check_server(Server& server, Generation const& was, Generation const& next, Rulings const& before);
    void check_rules(GenerationService const& service, Generation const& was, Generation const& next);
    void check_slots(GenerationService const& service, Generation const& was, Generation const& next);
    void fail(std::string const& what);
    [[nodiscard]] Flights flights_of(Server const& server) const;
    [[nodiscard]] PlanInput input() const;
    [[nodiscard]] AdminState admin_of(BackendKey const& key) const;

    Setup setup_;
    std::vector<Happening> happenings_;
    std::size_t next_happening_ = 0;
    std::mt19937 random_;
    Time now_;
    Time end_;
    Time stalled_until_{};
    Time dead_link_until_{};
    Time dead_link_since_{};
    Time mute_until_{};
    Time starved_until_{};
    Time deaf_until_{};
    bool cut_off_ = false; ///< what the judgement was told of our link
    Time own_fault_ended_{};

    std::vector<Server> servers_;
    DesiredState desired_;
    NetworkView network_;
    std::map<BackendKey, MeasuredState> measured_;
    std::map<BackendKey, AdminState> admin_;
    std::map<BackendKey, unsigned> weights_;
    std::map<BackendKey, unsigned> percents_;
    Judgement judgement_;
    Rulings rulings_;
    Rulings at_once_; ///< the same, verdict by verdict since the last publish
    Generation current_;
    bool dirty_ = true;
    std::optional<std::string> failure_;
};

} // namespace pointsman::sim
