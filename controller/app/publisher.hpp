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
    Plan const& plan;                  ///< plan.next is the active generation now
    std::set<std::string> const* only; ///< the services that were looked at, or nullptr: all
    std::chrono::steady_clock::time_point committed;
    std::chrono::microseconds prepare{}; ///< planning and writing the idle half
    std::chrono::nanoseconds commit{};
};

/// What the publisher asks and tells. All on the loop's thread.
struct PublisherCalls {
    /// `only`: the services to look at (PlanInput::only).
    std::function<Plan(Generation const& current, std::set<std::string> const* only)> plan;
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
    /// of backends is milliseconds of probes: commits before it returns, unless the idle half waits or all
    /// services have to be looked at. Those other than `services` are looked at as after mark_dirty.
    /// @param tell called once before it returns: before the plan of all services, but after the commit of
    /// one of these few, and before `published`.
    void publish_now(std::set<std::string> const& services, std::function<void()> const& tell);

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
    void publish(std::set<std::string> const* only, std::function<void()> const& tell);
    [[nodiscard]] bool plan_and_commit(std::set<std::string> const* only, std::function<void()> const& tell);
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
    bool dirty_ = false;                ///< a plan of all services is due
    bool elsewhere_ = false; ///< for more than the services of verdicts that were published at once
    bool must_publish_ = false;
    bool scheduled_ = false;
    bool stopping_ = false;
    bool idle_half_free_ = true;
    bool idle_sessions_empty_ = true;
};

} // namespace pointsman
