#pragma once

#include "client_loop.hpp"

#include <algorithm>
#include <cstdio>

namespace lab {

/// New connections in a loop.
class ConnectLoop {
public:
    explicit ConnectLoop(Options options)
        : options_(std::move(options))
        , request_(request_of(options_, "close"))
        , slots_(static_cast<std::size_t>(options_.parallel)) {}

    void run() {
        began_ = monotonic_ns();
        auto const end = began_ + options_.seconds * second;
        auto next_flush = began_;
        for (;;) {
            auto const now = monotonic_ns();
            bool const closing_down = stop_asked != 0 || now > end || started_ >= options_.count;
            if (closing_down && busy() == 0) return;
            if (!closing_down) start_due(now);
            poller_.wait([this](std::uint64_t index) { on_ready(slots_[index]); });
            expire(monotonic_ns(), closing_down);
            if (now >= next_flush) {
                std::fflush(stdout);
                next_flush = now + 20 * ms;
            }
        }
    }

private:
    enum class Phase { free, exchanging, lingering };

    struct Slot {
        Phase phase = Phase::free;
        std::int64_t start = 0;
        HttpConnection connection;
    };

    [[nodiscard]] std::ptrdiff_t busy() const {
        return std::ranges::count_if(slots_,
                                     [](Slot const& slot) { return slot.phase == Phase::exchanging; });
    }

    void start_due(std::int64_t now) {
        auto const due =
            options_.rate == 0 ? options_.count : (now - began_) * options_.rate / second + 1 - skipped_;
        for (std::size_t i = 0; i < slots_.size() && started_ < std::min(due, options_.count); ++i)
            if (slots_[i].phase == Phase::free) start(i);
        // All slots taken: what was due meanwhile is not made up for later in a burst.
        if (options_.rate != 0 && started_ < due) skipped_ += due - started_;
    }

    void start(std::size_t index) {
        auto& slot = slots_[index];
        slot.phase = Phase::exchanging;
        slot.start = monotonic_ns();
        auto result = slot.connection.open(options_.endpoint(started_++), poller_.fd(), index);
        if (result == Result::pending) result = slot.connection.ask(request_);
        if (result != Result::pending) finish(slot, result);
    }

    void on_ready(Slot& slot) {
        if (slot.phase == Phase::exchanging) {
            auto const result = slot.connection.advance();
            if (result != Result::pending) finish(slot, result);
        }
        if (slot.phase == Phase::lingering && slot.connection.peer_state() != Result::ok) release(slot);
    }

    void finish(Slot& slot, Result result) {
        bool const ok = result == Result::ok;
        auto const name = name_of(result);
        std::printf(
            "{\"start_ns\": %lld, \"duration_ns\": %lld, \"result\": \"%.*s\", \"backend\": \"%s\"}\n",
            static_cast<long long>(slot.start), static_cast<long long>(monotonic_ns() - slot.start),
            static_cast<int>(name.size()), name.data(), ok ? slot.connection.backend().c_str() : "");
        slot.phase = Phase::lingering;
        if (!ok) release(slot);
    }

    static void release(Slot& slot) {
        slot.connection.close();
        slot.phase = Phase::free;
    }

    void expire(std::int64_t now, bool closing_down) {
        auto const patience = options_.timeout_ms * ms;
        for (auto& slot : slots_) {
            if (slot.phase == Phase::exchanging && now - slot.start > patience) finish(slot, Result::timeout);
            if (slot.phase == Phase::lingering && (closing_down || now - slot.start > patience + linger))
                release(slot);
        }
    }

    Options options_;
    std::string request_;
    Poller poller_;
    std::vector<Slot> slots_;
    std::int64_t began_ = 0;
    std::int64_t started_ = 0;
    std::int64_t skipped_ = 0;
};

} // namespace lab
