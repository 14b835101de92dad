#include "healthcheck/probe_slots.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <utility>

namespace pointsman {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

/// One in line; leaves it when its coroutine goes, for whatever reason.
struct ProbeSlots::Waiter {
    Waiter(ProbeSlots& owner, asio::any_io_executor const& executor)
        : slots{owner}
        , turn{executor, Clock::time_point::max()} {
        slots.line_.push_back(this);
    }
    Waiter(Waiter const&) = delete;
    Waiter& operator=(Waiter const&) = delete;
    ~Waiter() { std::erase(slots.line_, this); }

    ProbeSlots& slots;
    asio::steady_timer turn; ///< cancelled when the turn has come
    bool has_slot = false;
};

std::optional<ProbeSlots::Slot> ProbeSlots::try_take() noexcept {
    if (in_flight_ >= limit_) return std::nullopt;
    ++in_flight_;
    record(Duration::zero());
    return std::optional<Slot>{std::in_place, *this};
}

asio::awaitable<ProbeSlots::Slot> ProbeSlots::take() {
    if (auto slot = try_take()) co_return std::move(*slot);
    auto const queued = Clock::now();
    Waiter waiter{*this, co_await asio::this_coro::executor};
    auto const [error] = co_await waiter.turn.async_wait(asio::as_tuple(asio::use_awaitable));
    if (!waiter.has_slot) throw boost::system::system_error{error};
    record(Clock::now() - queued);
    co_return Slot{*this};
}

/// The slot goes straight to the next in line, so that no newcomer overtakes.
void ProbeSlots::give_back() noexcept {
    if (line_.empty()) {
        --in_flight_;
        return;
    }
    auto* const next = line_.front();
    line_.pop_front();
    next->has_slot = true;
    next->turn.cancel();
}

void ProbeSlots::record(Duration delay) noexcept {
    last_delay_ = delay;
    max_delay_ = std::max(max_delay_, delay);
}

} // namespace pointsman
