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

ProbeSlots::Waiter::Waiter(ProbeSlots& slots, OnTurn on_turn)
    : slots_{slots}
    , on_turn_{std::move(on_turn)}
    , since_{Clock::now()} {
    slots_.line_.push_back(this);
}

ProbeSlots::Waiter::~Waiter() {
    if (in_line_) std::erase(slots_.line_, this);
}

std::optional<ProbeSlots::Slot> ProbeSlots::try_take() noexcept {
    if (in_flight_ >= limit_) return std::nullopt;
    ++in_flight_;
    record(Duration::zero());
    return std::optional<Slot>{std::in_place, *this};
}

asio::awaitable<ProbeSlots::Slot> ProbeSlots::take() {
    auto slot = try_take();
    if (slot) co_return std::move(*slot);
    asio::steady_timer turn{co_await asio::this_coro::executor, Clock::time_point::max()};
    Waiter const waiter{*this, [&](Slot given) {
                            slot.emplace(std::move(given));
                            turn.cancel();
                        }};
    auto const [error] = co_await turn.async_wait(asio::as_tuple(asio::use_awaitable));
    if (!slot) throw boost::system::system_error{error};
    co_return std::move(*slot);
}

/// The slot goes straight to the next in line, so that no newcomer overtakes.
void ProbeSlots::give_back() noexcept {
    if (line_.empty()) {
        --in_flight_;
        return;
    }
    auto* const next = line_.front();
    line_.pop_front();
    next->in_line_ = false;
    record(Clock::now() - next->since_);
    next->on_turn_(Slot{*this});
}

void ProbeSlots::record(Duration delay) noexcept {
    last_delay_ = delay;
    max_delay_ = std::max(max_delay_, delay);
}

} // namespace pointsman
