#include "controller/app/publisher.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace asio = boost::asio;

namespace pointsman {
namespace {

using Clock = std::chrono::steady_clock;

/// With more of them a verdict has all services looked at.
constexpr std::size_t most_unnoticed = 64;

} // namespace

Publisher::Publisher(asio::io_context& context, Switch& tables, PublisherCalls calls)
    : context_{context}
    , switch_{tables}
    , calls_{std::move(calls)}
    , settled_{context} {
    settled_.expires_at(Clock::time_point::max());
}

/// A carry-over that was cut short begins again; what it had copied is left alone. The old half may hold
/// sessions even if the carry-over ended: they must be gone before the next swap.
void Publisher::adopt(Generation current, bool in_these_tables) {
    current_ = std::move(current);
    must_publish_ = true;
    if (!in_these_tables) return;
    idle_sessions_empty_ = false;
    if (switch_.is_carrying_over())
        carry_sessions_over();
    else
        clear_idle_sessions();
}

void Publisher::mark_dirty() {
    elsewhere_ = true;
    look_at_all();
}

void Publisher::look_at_all() {
    dirty_ = true;
    if (std::exchange(scheduled_, true)) return;
    asio::post(context_, [this] {
        scheduled_ = false;
        publish_if_possible();
    });
}

void Publisher::publish_now(PlanScope const& scope, std::function<void()> const& tell) {
    if (idle_half_free_ && !stopping_ && !elsewhere_ && may_look_at_few()) {
        auto const few = with_unnoticed(behind_ ? PlanScope{scope.services} : scope);
        publish(&few, tell);
        look_at_all();
    } else {
        tell();
        dirty_ = true;
        publish_if_possible();
    }
}

void Publisher::foresee(PlanScope const& scope) {
    if (dirty_ || behind_ || stopping_ || !idle_half_free_ || !may_look_at_few()) return;
    auto const few = with_unnoticed(scope);
    auto const plan = calls_.plan(current_, &few);
    if (!plan.changes.empty()) switch_.foresee(plan.next);
}

void Publisher::on_helper_thread(std::function<void()> work) {
    asio::post(helper_, std::move(work));
}

void Publisher::stop() {
    stopping_ = true;
    helper_.join();
    settled_.cancel();
}

asio::awaitable<void> Publisher::settled() {
    while (dirty_ && !stopping_)
        co_await settled_.async_wait(asio::as_tuple(asio::use_awaitable));
}

void Publisher::publish_if_possible() {
    if (dirty_ && idle_half_free_ && !stopping_) publish(nullptr, [] {});
}

void Publisher::publish(PlanScope const* only, std::function<void()> const& tell) {
    if (!only) dirty_ = elsewhere_ = false;
    auto const sessions_were_ready = idle_sessions_empty_;
    if (plan_and_commit(only, tell)) {
        free_idle_half();
        if (sessions_were_ready && !idle_sessions_empty_) carry_sessions_over();
    }
    settled_.cancel();
}

/// @return true when packets see a new generation.
bool Publisher::plan_and_commit(PlanScope const* only, std::function<void()> const& tell) {
    auto const began = Clock::now();
    auto plan = calls_.plan(current_, only);
    if (plan.changes.empty() && !must_publish_) {
        tell();
        if (!only) calls_.unchanged();
        if (!only) behind_ = false;
        note_unnoticed(plan.next);
        return false;
    }
    if (auto why = switch_.prepare(plan.next); !why.empty()) {
        tell();
        calls_.refused(std::move(why));
        behind_ = true;
        return false;
    }
    auto const swap = plan.cuts_sessions && idle_sessions_empty_;
    auto const prepared = Clock::now();
    switch_.commit(plan.next.number, swap);
    auto const committed = Clock::now();
    auto const was = std::exchange(current_, plan.next);
    must_publish_ = false;
    unnoticed_.clear();
    if (!only) behind_ = false;
    idle_half_free_ = false;
    if (swap) idle_sessions_empty_ = false;
    tell();
    calls_.published({was, plan, only, committed,
                      std::chrono::duration_cast<std::chrono::microseconds>(prepared - began),
                      committed - prepared});
    return true;
}

/// What packets do not notice is no new generation, and yet counts for the next plan: of several backends
/// that were never up, the last one's verdict may begin a panic.
void Publisher::note_unnoticed(Generation const& planned) {
    unnoticed_.clear();
    planned.backends.for_each_apart_from(
        current_.backends, [this](GenerationBackend const& backend) { unnoticed_.insert(backend.key); });
}

bool Publisher::may_look_at_few() const noexcept {
    return !must_publish_ && unnoticed_.size() <= most_unnoticed;
}

PlanScope Publisher::with_unnoticed(PlanScope scope) const {
    for (auto const& key : unnoticed_) {
        scope.services.insert(key.service);
        if (scope.backends) scope.backends->insert(key);
    }
    return scope;
}

template<typename Work, typename Then>
void Publisher::on_helper(Work work, Then then) {
    asio::post(helper_, [this, work = std::move(work), then = std::move(then),
                         stay = asio::make_work_guard(context_)]() mutable {
        work();
        asio::post(context_, std::move(then));
    });
}

void Publisher::free_idle_half() {
    on_helper([] { Switch::wait_for_packets(); },
              [this] {
                  idle_half_free_ = true;
                  publish_if_possible();
                  catch_up();
              });
}

/// Has the idle half say what packets see, so that the next verdict has no more to write than its own change:
/// after a start, a reload or the fall of a host this half lags behind by more. It does fit, it is in force.
void Publisher::catch_up() {
    if (idle_half_free_ && !stopping_) (void)switch_.prepare(current_);
}

/// Queued behind the wait of free_idle_half: no packet that began before the commit opens a session in the
/// old half now.
void Publisher::carry_sessions_over() {
    auto result = std::make_shared<CarryOver>(); // crosses to the helper thread and back
    on_helper([this, result] { *result = switch_.carry_over_sessions(); },
              [this, result] {
                  switch_.end_carry_over();
                  calls_.carried(*result);
                  if (!stopping_) clear_idle_sessions();
              });
}

void Publisher::clear_idle_sessions() {
    on_helper(
        [this] {
            Switch::wait_for_packets();
            switch_.clear_idle_sessions();
        },
        [this] { idle_sessions_empty_ = true; });
}

} // namespace pointsman
