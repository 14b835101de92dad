#pragma once

#include "controller/model/desired_state.hpp"
#include "controller/model/generation.hpp"
#include "controller/model/key_table.hpp"
#include "controller/model/state.hpp"
#include "controller/plan/alarm.hpp"
#include "controller/plan/past.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace pointsman {

/// What one ended probe says, once it was counted.
struct Finding {
    MeasuredState measured = MeasuredState::unknown; ///< of the backend, after it
    bool failed = false;
    bool silent = false; ///< failed without an answer from the backend's host: it might be our own link
};

/// What findings that changed no state say about later ones. A fall is judged by who else is unanswered.
struct Answers {
    std::set<BackendKey> unanswered; ///< newly: their newest probes met silence
    std::set<BackendKey> answered;   ///< no longer unanswered
    std::set<BackendKey> confirmed;  ///< worked when they were met again: their next fall is not held

    friend bool operator==(Answers const&, Answers const&) = default;
};

/// What decides over a backend's state.
enum class RuledBy : std::uint8_t {
    probes,
    held,    ///< its probes fail, but so do too many others at once, or our link is down
    damped,  ///< it works, and went down too often of late
    ejected, ///< it works by its probes, and fails its clients
};

[[nodiscard]] std::string_view name_of(RuledBy value) noexcept;

/// How a backend is treated.
struct Ruling {
    MeasuredState measured = MeasuredState::unknown;
    unsigned ramp = full_ramp;
    RuledBy by = RuledBy::probes;

    friend bool operator==(Ruling const&, Ruling const&) = default;
};

struct Rulings {
    std::map<BackendKey, Ruling> of;
    std::optional<std::chrono::steady_clock::time_point> next; ///< when time alone changes one of them
};

struct ChangedRuling {
    BackendKey key;
    std::optional<Ruling> was; ///< nullopt: there was none
    Ruling now;
};

/// The rules between what the probes find and what the plan is told: correlated failures are held back,
/// flapping is damped, clients' failures may eject, and who comes back starts slowly. No clock and no I/O:
/// time is an argument that never goes back.
///
/// Damping and ejection never take a service below half of the backends that count: those that are ready,
/// have a weight and are no reserve. A backend that waits for its first verdict may be healthy: a rule that
/// is in force, over a restart as well, stays so in that hope, and none begins in it.
class Judgement {
public:
    using TimePoint = std::chrono::steady_clock::time_point;

    static constexpr double penalty_of_a_fall = 1000;
    static constexpr double suppress_at = 2500; ///< damped from here on: a third fall in quick succession
    static constexpr double reuse_below = 750;  ///< until the penalty decayed to this
    static constexpr double least_penalty = 1;  ///< less is forgotten
    static constexpr double highest_penalty =
        6000; ///< so that damping ends three half-lives after the last fall
    static constexpr std::chrono::seconds hold_time{2};         ///< of falls that may be our own fault
    static constexpr std::chrono::seconds hold_pause{30};       ///< from the end of a hold to the next one
    static constexpr std::chrono::milliseconds same_time{1500}; ///< falls within this are correlated
    static constexpr std::size_t fewest_hosts = 3;              ///< for a majority to mean anything
    static constexpr std::chrono::seconds first_ejection{5};    ///< each further one lasts as much longer
    static constexpr std::chrono::seconds longest_ejection{300};
    static constexpr std::chrono::seconds first_probes{4}; ///< the most that the first ones of all start in

    /// Takes over what is configured; forgets backends that are gone or are another server now.
    void assign(DesiredState const& desired);

    /// @return an alarm when this finding began a hold.
    std::optional<Alarm> note(BackendKey const& key, Finding const& finding, TimePoint now);

    /// What was noted since the last call and the next fall is judged by.
    [[nodiscard]] Answers take_answers();

    /// The same, told: in the place of the findings that brought it.
    void recall(Answers const& answers, TimePoint now);

    /// A backend that is not probed for a while: its past is kept, its state is not.
    void rest(BackendKey const& key);

    /// Clients' connections fail, from enough of them. @return false when it is ejected already.
    bool eject(BackendKey const& key, TimePoint now);

    /// All the backends that we cannot reach for a fault of our own link: they do not fall. When the link is
    /// back they have the time of some probes to show that they live.
    void cut_off(std::set<BackendKey> const& keys, TimePoint now);

    /// What holds now, `measured` being what the probes say. Begins slow starts and penalties as it finds
    /// that states changed since the last call.
    [[nodiscard]] Rulings rule(std::map<BackendKey, MeasuredState> const& measured,
                               std::map<BackendKey, AdminState> const& admin, TimePoint now);

    /// The same, of rulings that are brought up to date: with thousands of backends most are as they were.
    /// @param service the only one to rule on, which takes a fraction of the time, or nullptr: all of them.
    /// Services do not depend on each other.
    /// @return those that differ.
    std::vector<ChangedRuling> update(Rulings& rulings, std::string const* service,
                                      std::map<BackendKey, MeasuredState> const& measured,
                                      std::map<BackendKey, AdminState> const& admin, TimePoint now);

    /// The same, after a verdict on one backend: of its service alone, and where no rule is in force there,
    /// of it alone. So a verdict takes the same time whatever else its service has.
    std::vector<ChangedRuling> update(Rulings& rulings, BackendKey const& verdict,
                                      std::map<BackendKey, MeasuredState> const& measured,
                                      std::map<BackendKey, AdminState> const& admin, TimePoint now);

    /// What the next process has to know of a backend; nullopt: its past says nothing about it.
    [[nodiscard]] std::optional<Past> past_of(BackendKey const& key, TimePoint now) const;

    /// The same of all backends, without those that have none.
    [[nodiscard]] std::map<BackendKey, Past> pasts(TimePoint now) const;

    /// What another process told at `then`, before the first ruling.
    void remember(BackendKey const& key, Past const& past, TimePoint then);

    /// Penalty of a backend for its falls, decayed.
    [[nodiscard]] double penalty_of(BackendKey const& key, TimePoint now) const;

private:
    struct Record {
        Address host;
        std::uint16_t port = 0;
        Duration half_life{};
        Duration slow_start{};
        Duration probed_again{}; ///< within this a probe of one that is down was made, at the latest
        Duration probed_first{}; ///< likewise, of one that is new
        bool counts = false;     ///< has a weight and is no reserve
        bool has_check = false;  ///< without one it is always up

        MeasuredState measured = MeasuredState::unknown; ///< by the last finding
        std::optional<TimePoint> failing;                ///< since when its probes go unanswered
        std::optional<TimePoint> fell;                   ///< silently
        std::optional<TimePoint> held_until;
        bool cut_off = false;                   ///< by our own link
        bool spared = false;                    ///< worked when it was cut off: held for as long as it is
        std::optional<TimePoint> awaited_until; ///< its first verdict, for as long as it may be healthy
        std::optional<TimePoint> ejected_until;
        unsigned ejections = 0;
        double penalty = 0;
        TimePoint penalised{};
        bool damped = false;
        bool needed = false; ///< the process before let it take flows in spite of a rule
        MeasuredState was = MeasuredState::unknown; ///< at the last ruling, damping and ejection aside
        bool took_flows = false;                    ///< at the last ruling
        bool returns = false;          ///< its next rise is one among backends that run: it starts slowly
        std::optional<TimePoint> rose; ///< when its slow start began
    };
    /// A backend of the service that is being ruled on.
    struct Case {
        BackendKey const& key;
        Record& record;
        Ruling& ruling;
        std::optional<Ruling> was;
        bool ready = true;
    };

    [[nodiscard]] static double penalty_of(Record const& record, TimePoint now);
    [[nodiscard]] static std::optional<Past> past_of(Record const& record, TimePoint now);
    [[nodiscard]] static std::optional<Duration> held_for(Record const& record, TimePoint now);
    [[nodiscard]] bool majority_is_failing(std::string const* service, TimePoint now) const;
    void hold_all(std::string const* service, TimePoint now);
    static void await_verdict(Record& record, MeasuredState by_probes, bool ready, TimePoint now);
    [[nodiscard]] MeasuredState settle(Record& record, MeasuredState measured, TimePoint now) const;
    static void suppress(std::vector<Case>& cases, TimePoint now);
    static void start_slowly(std::vector<Case>& cases, TimePoint now);
    static std::optional<TimePoint> next_of(Case const& ruled, TimePoint now);
    [[nodiscard]] static bool is_calm(Record const& record, TimePoint now);
    std::optional<std::vector<ChangedRuling>> rule_alone(Rulings& rulings, BackendKey const& key,
                                                         std::map<BackendKey, MeasuredState> const& measured,
                                                         TimePoint now);

    KeyTable<Record> records_;
    std::map<std::string, TimePoint> holds_; ///< end of the last hold, by service; "" of all
    std::set<BackendKey> touched_;           ///< whose silence began or ended since take_answers()
    std::set<BackendKey> confirmed_;         ///< likewise: whose hold a finding ended
    std::set<std::string> calm_;             ///< services in which no rule is in force but that of the probes
};

} // namespace pointsman
