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

namespace pointsman {

/// What deciding again came to, for one record of the audit trail.
struct Replayed {
    enum class Result : std::uint8_t {
        fact,      ///< nothing was decided: an observation, an order, a sign of life
        same,      ///< the same decision
        differs,   ///< another one
        undecided, ///< the trail does not hold what it takes
    };

    Result result = Result::fact;
    std::string text; ///< what differs, or why it is undecided; empty otherwise
};

[[nodiscard]] std::string_view name_of(Replayed::Result value) noexcept;

/// Decides again from an audit trail, record by record, with the daemon's own decision core: what is
/// configured, found by probes, ordered and told by the network are taken from the records, and what follows
/// from them is compared. No clock, no file, no datapath.
class Replay {
public:
    /// Records in the order of the trail. Never throws: a record of another form is undecided.
    Replayed take(boost::json::object const& record);

private:
    using TimePoint = std::chrono::steady_clock::time_point;

    [[nodiscard]] std::optional<std::string> follow_sequence(boost::json::object const& record);
    [[nodiscard]] Replayed decide(boost::json::object const& record);
    [[nodiscard]] Replayed on_start(boost::json::object const& record);
    [[nodiscard]] Replayed on_resume(boost::json::object const& record);
    [[nodiscard]] Replayed on_reload(boost::json::object const& record);
    [[nodiscard]] Replayed on_network(boost::json::object const& record);
    [[nodiscard]] Replayed on_admin(boost::json::object const& record);
    [[nodiscard]] Replayed on_passive(boost::json::object const& record);
    [[nodiscard]] Replayed on_probes(boost::json::object const& record);
    [[nodiscard]] Replayed on_ruling(boost::json::object const& record);
    [[nodiscard]] Replayed on_publish(boost::json::object const& record);
    [[nodiscard]] Replayed on_consequence(boost::json::object const& record, Change::Kind kind) const;

    [[nodiscard]] std::string configure(boost::json::object const& config);
    [[nodiscard]] std::string run_probes(boost::json::object const& record, CheckHealth const& check,
                                         TimePoint now);
    void note_unanswered(boost::json::object const& record, TimePoint now);
    void note(std::vector<NotedProbe> const& noted, ProbeReport const& report, TimePoint now);
    void rule(TimePoint now);
    void follow_own_links(TimePoint now);
    [[nodiscard]] Plan plan() const;

    std::optional<DesiredState> desired_;
    HealthBook health_;
    AdminBook admin_;
    Judgement judgement_;
    Rulings rulings_;
    Rulings before_; ///< of the last probes
    NetworkView view_;
    CutOff cut_off_;
    Generation current_;
    std::vector<Change> published_; ///< by the last publish
    std::vector<NotedProbe> noted_; ///< what the last probes mean, by backend; not told by a record yet
    std::string text_;              ///< of the configuration in force
    std::uint64_t seq_ = 0;
    bool resumed_ = false;  ///< the next publish goes on from what another daemon left
    std::string undecided_; ///< why nothing can be decided until the next start; empty: it can
};

} // namespace pointsman
