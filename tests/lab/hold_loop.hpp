#pragma once

#include "client_loop.hpp"

#include <algorithm>
#include <cstdio>

namespace lab {

/// Connections that stay.
class HoldLoop {
public:
    explicit HoldLoop(Options options)
        : options_(std::move(options))
        , request_(request_of(options_, "keep-alive"))
        , held_(static_cast<std::size_t>(options_.parallel)) {}

    void run() {
        for (std::size_t i = 0; i < held_.size(); ++i)
            open(i);
        auto const end = monotonic_ns() + options_.seconds * second;
        bool announced = false;
        while (stop_asked == 0 && monotonic_ns() < end) {
            turn(options_.interval_ms * ms);
            if (!announced &&
                std::ranges::all_of(held_, [](Held const& h) { return h.requests > 0 || h.broke != 0; })) {
                std::puts("holding");
                std::fflush(stdout);
                announced = true;
            }
        }
        last_question();
        report();
    }

private:
    struct Held {
        HttpConnection connection;
        Result result = Result::ok;
        std::int64_t opened = 0;
        std::int64_t asked = 0;
        std::int64_t broke = 0;
        std::int64_t worst = 0;
        std::int64_t requests = 0;
    };

    void open(std::size_t index) {
        auto& held = held_[index];
        held.opened = monotonic_ns();
        auto const result = held.connection.open(options_.endpoint(), poller_.fd(), index);
        result == Result::pending ? ask(held) : broken(held, result);
    }

    void ask(Held& held) {
        held.asked = monotonic_ns();
        auto const result = held.connection.ask(request_);
        if (result != Result::pending) broken(held, result);
    }

    static void broken(Held& held, Result result) {
        held.broke = monotonic_ns();
        held.result = result;
        held.connection.close();
    }

    void on_ready(Held& held) {
        if (!held.connection.is_open()) return;
        bool const waits = held.connection.awaits_answer();
        auto const result = waits ? held.connection.advance() : held.connection.peer_state();
        if (result == Result::pending) return;
        if (result != Result::ok) return broken(held, result);
        if (!waits) return;
        ++held.requests;
        held.worst = std::max(held.worst, monotonic_ns() - held.asked);
    }

    /// One wait, then whatever is due: timeouts, and the next questions unless `interval` is 0.
    void turn(std::int64_t interval) {
        poller_.wait([this](std::uint64_t index) { on_ready(held_[index]); });
        auto const now = monotonic_ns();
        for (auto& held : held_) {
            if (!held.connection.is_open()) continue;
            bool const waits = held.connection.awaits_answer();
            if (waits && now - held.asked > options_.timeout_ms * ms) broken(held, Result::timeout);
            if (!waits && interval != 0 && now - held.asked >= interval) ask(held);
        }
    }

    /// Every connection that is still there answers once more, or is broken.
    void last_question() {
        auto const waiting = [this] {
            return std::ranges::any_of(held_, [](Held const& h) { return h.connection.awaits_answer(); });
        };
        while (waiting())
            turn(0);
        for (auto& held : held_)
            if (held.connection.is_open()) ask(held);
        while (waiting())
            turn(0);
    }

    void report() const {
        for (auto const& held : held_) {
            auto const name = name_of(held.result);
            std::printf("{\"backend\": \"%s\", \"requests\": %lld, \"opened_ns\": %lld, \"broke_ns\": %lld, "
                        "\"result\": \"%.*s\", \"worst_ns\": %lld}\n",
                        held.connection.backend().c_str(), static_cast<long long>(held.requests),
                        static_cast<long long>(held.opened), static_cast<long long>(held.broke),
                        static_cast<int>(name.size()), name.data(), static_cast<long long>(held.worst));
        }
    }

    Options options_;
    std::string request_;
    Poller poller_;
    std::vector<Held> held_;
};

} // namespace lab
