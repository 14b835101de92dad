#pragma once

#include "controller/datapath/switch.hpp"
#include "controller/plan/plan.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <functional>
#include <set>
#include <string>

namespace pointsman {

/// What one publish did.
struct Published {
    Generation const& was;
    Plan const& plan;      ///< plan.next is the active generation now
    PlanScope const* only; ///< what was looked at, or nullptr: everything
    std::chrono::steady_clock::time_point committed;
    std::chrono::microseconds prepare{}; ///< planning and writing the idle half
    std::chrono::nanoseconds commit{};
};

/// What the publisher asks and tells. All on the loop's thread.
struct PublisherCalls {
    /// `only`: see PlanInput.
    std::function<Plan(Generation const& current, PlanScope const* only)> plan;
    std::function<void(Published const&)> published;
    std::function<void()> unchanged;              ///< nothing that packets would notice
    std::function<void(std::string why)> refused; ///< a generation did not fit; traffic is as it was
    std::function<void(CarryOver const&)> carried;
};

/// Recomputes and publishes whenever something said that it changed. The first change commits in the same
/// turn of the loop; while the idle half waits for packets under way, further ones are coalesced into the
/// next generation.
///
/// One helper thread does what blocks, in order: wait for packets, carry sessions over, clear. A health
/// change during a carry-over flips the table half alone, and incarnations keep the sessions right. The table
/// that a carry-over reads is not refilled under it, because that needs a wait which is queued behind it.
class Publisher {
public:
    Publisher(boost::asio::io_context& context, Switch& tables, PublisherCalls calls);

    /// Goes on from a generation that a daemon before this one published; before anything else. The next plan
    /// is published even if it changes nothing, since the tables may say more than `current` knows.
    /// @param in_these_tables they are in use: what that daemon may have left half done is finished.
    void adopt(Generation current, bool in_these_tables);

    /// Something that a plan depends on changed.
    void mark_dirty();

    /// The same, for a verdict that must not wait behind what else the loop has to do, which with thousands
    /// of backends is milliseconds of probes: commits before it returns, unless the idle half waits or
    /// everything has to be looked at. What is not in `scope` is looked at as after mark_dirty.
    /// @param tell called once before it returns: before the plan of all services, but after the commit of
    /// one of these few, and before `published`.
    void publish_now(PlanScope const& scope, std::function<void()> const& tell);

    /// For a verdict that may be next: plans and writes what it would have committed, where packets do not
    /// look, so that little is left to do when it comes. Nothing follows from it if it does not. Does nothing
    /// unless a verdict now would be committed at once.
    void foresee(PlanScope const& scope);

    /// Completes when all that was marked so far is published or was refused.
    [[nodiscard]] boost::asio::awaitable<void> settled();

    /// Runs something on the helper thread: what is per thread, such as capabilities.
    void on_helper_thread(std::function<void()> work);

    /// Waits for the helper thread, which takes some tens of milliseconds at the most; publishes nothing
    /// more.
    void stop();

    [[nodiscard]] Generation const& current() const noexcept { return current_; }
    [[nodiscard]] bool is_settled() const noexcept { return !dirty_; }

private:
    void look_at_all();
    void publish_if_possible();
    void publish(PlanScope const* only, std::function<void()> const& tell);
    [[nodiscard]] bool plan_and_commit(PlanScope const* only, std::function<void()> const& tell);
    [[nodiscard]] bool may_look_at_few() const noexcept;
    [[nodiscard]] PlanScope with_unnoticed(PlanScope scope) const;
    void note_unnoticed(Generation const& planned);
    void free_idle_half();
    void catch_up();
    void carry_sessions_over();
    void clear_idle_sessions();
    template<typename Work, typename Then>
    void on_helper(Work work, Then then);

    boost::asio::io_context& context_;
    boost::asio::thread_pool helper_{1};
    Switch& switch_;
    PublisherCalls calls_;
    Generation current_;
    boost::asio::steady_timer settled_; ///< cancelled after each publish
    std::set<BackendKey> unnoticed_;    ///< changed, so that packets do not notice: not in `current_`
    bool dirty_ = false;                ///< a plan of all services is due
    bool elsewhere_ = false;            ///< for more than the verdicts that were published at once
    bool behind_ = false; ///< a generation was refused: what it was made for is not in `current_`
    bool must_publish_ = false;
    bool scheduled_ = false;
    bool stopping_ = false;
    bool idle_half_free_ = true;
    bool idle_sessions_empty_ = true;
};

} // namespace pointsman
