#pragma once

#include "controller/model/desired_state.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <optional>

namespace pointsman {

/// At most `limit` probes in flight; the rest wait in line, first come, first served. One thread. Must
/// outlive every coroutine that waits and every Slot.
class ProbeSlots {
public:
    /// The right to run one probe, given back when destroyed.
    class [[nodiscard]] Slot {
    public:
        explicit Slot(ProbeSlots& slots) noexcept : slots_{&slots} {}
        Slot(Slot&& other) noexcept : slots_{other.slots_} { other.slots_ = nullptr; }
        Slot& operator=(Slot&&) = delete;
        ~Slot() {
            if (slots_ != nullptr) slots_->give_back();
        }

    private:
        ProbeSlots* slots_;
    };

    explicit ProbeSlots(std::size_t limit) noexcept : limit_{limit} {}
    ProbeSlots(ProbeSlots const&) = delete;
    ProbeSlots& operator=(ProbeSlots const&) = delete;

    /// A place in line, until the turn has come or this is destroyed.
    class Waiter {
    public:
        using OnTurn =
            std::function<void(Slot)>; ///< must not throw; called while another gives its slot back

        Waiter(ProbeSlots& slots, OnTurn on_turn);
        Waiter(Waiter const&) = delete;
        Waiter& operator=(Waiter const&) = delete;
        ~Waiter();

    private:
        friend class ProbeSlots;

        ProbeSlots& slots_;
        OnTurn on_turn_;
        std::chrono::steady_clock::time_point since_;
        bool in_line_ = true;
    };

    /// Throws boost::system::system_error(operation_aborted) when its coroutine is cancelled while in line.
    [[nodiscard]] boost::asio::awaitable<Slot> take();

    /// Without waiting; nullopt when others are in line.
    [[nodiscard]] std::optional<Slot> try_take() noexcept;

    [[nodiscard]] std::size_t in_flight() const noexcept { return in_flight_; }
    [[nodiscard]] Duration last_delay() const noexcept {
        return last_delay_;
    } ///< of the newest slot, in line
    [[nodiscard]] Duration max_delay() const noexcept { return max_delay_; }

private:
    void give_back() noexcept;
    void record(Duration delay) noexcept;

    std::size_t limit_;
    std::size_t in_flight_ = 0;
    std::deque<Waiter*> line_;
    Duration last_delay_{};
    Duration max_delay_{};
};

} // namespace pointsman
