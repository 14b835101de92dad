#pragma once

#include "controller/model/desired_state.hpp"
#include "controller/model/state.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <string>

namespace pointsman {

/// What a person asked of one backend.
struct AdminOrder {
    AdminState state = AdminState::ready;
    std::string reason;
    std::optional<std::chrono::steady_clock::time_point> deadline; ///< of a drain
    std::optional<AdminState> then;                                ///< what follows a drain's deadline
};

/// How a drain goes on, from what was counted of its flows.
class DrainProgress {
public:
    using TimePoint = std::chrono::steady_clock::time_point;

    void note(std::uint64_t sessions, TimePoint now);

    [[nodiscard]] std::uint64_t left() const noexcept { return left_; }
    /// Until the last flow ends if they go on ending as fast; nullopt while none has ended.
    [[nodiscard]] std::optional<std::chrono::seconds> remaining() const;

private:
    std::optional<TimePoint> began_;
    TimePoint newest_{};
    std::uint64_t most_ = 0; ///< at began_
    std::uint64_t left_ = 0;
};

/// A weight that a person asked for.
struct WeightOrder {
    unsigned weight = 0;
    std::string reason;
    unsigned configured = 0; ///< what the configuration said then: another value there ends the order

    friend bool operator==(WeightOrder const&, WeightOrder const&) = default;
};

/// The orders in force. A backend without one is ready and has its configured weight.
class AdminBook {
public:
    /// An order of `ready` ends an order of weight too.
    void set(BackendKey const& key, AdminOrder order);
    void set(BackendKey const& key, WeightOrder order) { weights_[key] = std::move(order); }

    /// After a reload: the file has the last word where it changed.
    void drop_weights_changed_in(DesiredState const& desired);

    /// Orders of backends that `keep` does not know are dropped.
    template<typename Keep>
    void retain(Keep keep) {
        std::erase_if(orders_, [&](auto const& entry) { return !keep(entry.first); });
        std::erase_if(states_, [&](auto const& entry) { return !keep(entry.first); });
        std::erase_if(weights_, [&](auto const& entry) { return !keep(entry.first); });
        std::erase_if(drains_, [&](auto const& entry) { return !keep(entry.first); });
    }

    [[nodiscard]] std::map<BackendKey, AdminState> const& states() const noexcept { return states_; }
    [[nodiscard]] std::map<BackendKey, WeightOrder> const& weights() const noexcept { return weights_; }
    [[nodiscard]] AdminOrder const* find(BackendKey const& key) const;

    /// Notes the flows left on a backend; ignored unless it drains.
    void note_sessions(BackendKey const& key, std::uint64_t sessions,
                       std::chrono::steady_clock::time_point now);
    [[nodiscard]] DrainProgress const* progress_of(BackendKey const& key) const;

    /// Orders whose deadline has come, with what follows.
    [[nodiscard]] std::map<BackendKey, AdminState> due(std::chrono::steady_clock::time_point now) const;
    [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> next_deadline() const;

private:
    std::map<BackendKey, AdminOrder> orders_;
    std::map<BackendKey, AdminState> states_;
    std::map<BackendKey, WeightOrder> weights_;
    std::map<BackendKey, DrainProgress> drains_;
};

} // namespace pointsman
