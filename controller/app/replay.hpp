#pragma once

#include "controller/app/admin_book.hpp"
#include "controller/app/health_book.hpp"
#include "controller/model/generation.hpp"
#include "controller/plan/judgement.hpp"
#include "controller/plan/own_link.hpp"
#include "controller/plan/plan.hpp"

#include <boost/json/object.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace pointsman {

/// One thing that the trail says and the decision core does not, or says otherwise.
struct Difference {
    std::string what;
    std::string trail; ///< empty: nothing
    std::string core;  ///< empty: nothing

    friend bool operator==(Difference const&, Difference const&) = default;
};

/// What deciding again came to, for one record of the audit trail.
struct Replayed {
    enum class Result : std::uint8_t {
        fact,      ///< nothing was decided: an observation, an order, a sign of life
        same,      ///< the same decision
        differs,   ///< another one
        undecided, ///< the trail does not hold what it takes
    };

    Result result = Result::fact;
    std::vector<Difference> differences; ///< of one that differs
    std::string grounds;                 ///< likewise: what the decision core decided from
    std::string why;                     ///< of one that is undecided
    std::string problem;   ///< what is wrong with the trail here, and what to do; said where it is found
    bool harmless = false; ///< the problem, or being undecided, is nobody's fault: what is decided stands
};

[[nodiscard]] std::string_view name_of(Replayed::Result value) noexcept;

/// Decides again from an audit trail, record by record, with the daemon's own decision core: what is
/// configured, found by probes, ordered and told by the network are taken from the records, and what follows
/// from them is compared. No clock, no file, no datapath.
class Replay {
public:
    Replay() = default;
    /// Decides by this configuration in the place of those in the trail.
    explicit Replay(DesiredState instead) : instead_{std::move(instead)} {}

    /// Records in the order of the trail. Never throws: a record of another form is a problem, and all until
    /// the next `start` is undecided then.
    Replayed take(boost::json::object const& record);

    /// The line after the last record could not be read, for a reason that was told. Nothing is decided until
    /// the next `start`.
    void skip_line() { skipped_ = true; }

private:
    using TimePoint = std::chrono::steady_clock::time_point;

    [[nodiscard]] Replayed take_checked(boost::json::object const& record, bool starts);
    [[nodiscard]] Replayed follow_sequence(boost::json::object const& record, bool starts);
    [[nodiscard]] Replayed decide(boost::json::object const& record);
    [[nodiscard]] Replayed on_start(boost::json::object const& record);
    [[nodiscard]] Replayed on_resume(boost::json::object const& record);
    [[nodiscard]] Replayed on_reload(boost::json::object const& record);
    [[nodiscard]] Replayed on_network(boost::json::object const& record);
    [[nodiscard]] Replayed on_admin(boost::json::object const& record);
    [[nodiscard]] Replayed on_weight(boost::json::object const& record);
    [[nodiscard]] Replayed on_agent(boost::json::object const& record);
    [[nodiscard]] Replayed on_passive(boost::json::object const& record);
    [[nodiscard]] Replayed on_probes(boost::json::object const& record);
    [[nodiscard]] Replayed on_ruling(boost::json::object const& record);
    [[nodiscard]] Replayed on_publish(boost::json::object const& record);
    [[nodiscard]] Replayed on_consequence(boost::json::object const& record, Change::Kind kind) const;

    void configure(boost::json::object const& record);
    void assign();
    void go_by_way_of(boost::json::object const& record, BackendKey const& key);
    [[nodiscard]] CheckHealth const* check_of(boost::json::object const& record, BackendKey const& key) const;
    [[nodiscard]] Replayed unknown(BackendKey const& key) const;
    [[nodiscard]] std::optional<Difference> run_probes(boost::json::object const& record,
                                                       CheckHealth const& check, TimePoint now);
    void compare_verdict(boost::json::object const& record, NotedProbe const& noted,
                         std::vector<Difference>& differences) const;
    void note(std::vector<NotedProbe> noted, ProbeReport const& report, TimePoint now);
    void rule(std::string const* service, TimePoint now);
    void follow_own_links(TimePoint now);
    [[nodiscard]] TimePoint moment(boost::json::object const& record, std::string_view key = "mono_ns");
    [[nodiscard]] Plan plan(PlanScope const* only) const;
    [[nodiscard]] std::string grounds_of(BackendKey const& key) const;
    [[nodiscard]] std::string grounds_of_plan(Plan const& planned, boost::json::object const& record) const;

    std::optional<DesiredState> instead_;
    std::optional<DesiredState> desired_;
    HealthBook health_;
    AdminBook admin_;
    Judgement judgement_;
    Rulings rulings_;
    Rulings before_; ///< of the last probes
    NetworkView view_;
    CutOff cut_off_;
    Generation current_;
    std::optional<std::vector<Change>> published_{std::in_place}; ///< by the last publish, if it was decided
    std::vector<NotedProbe> noted_; ///< what the last probes mean, by backend; not told by a record yet
    std::string file_;              ///< of the configuration in force
    std::string text_;              ///< likewise
    std::string hash_;              ///< likewise
    std::string version_;           ///< that was complained of
    std::uint64_t seq_ = 0;
    TimePoint newest_{};
    bool directly_ = false;          ///< probes do not go their services' way
    bool resumed_ = false;           ///< the next publish goes on from what another daemon left
    std::string undecided_ = "none"; ///< why nothing can be decided until the next start; empty: it can
    bool skipped_ = false;           ///< the line before
    bool in_the_middle_ = false;     ///< no start was seen yet
};

} // namespace pointsman
