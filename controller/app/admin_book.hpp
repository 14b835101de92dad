#pragma once

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

/// The orders in force. A backend without one is ready.
class AdminBook {
public:
    void set(BackendKey const& key, AdminOrder order);

    /// Orders of backends that `keep` does not know are dropped.
    template<typename Keep>
    void retain(Keep keep) {
        std::erase_if(orders_, [&](auto const& entry) { return !keep(entry.first); });
        std::erase_if(states_, [&](auto const& entry) { return !keep(entry.first); });
    }

    [[nodiscard]] std::map<BackendKey, AdminState> const& states() const noexcept { return states_; }
    [[nodiscard]] AdminOrder const* find(BackendKey const& key) const;

    /// Orders whose deadline has come, with what follows.
    [[nodiscard]] std::map<BackendKey, AdminState> due(std::chrono::steady_clock::time_point now) const;
    [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> next_deadline() const;

private:
    std::map<BackendKey, AdminOrder> orders_;
    std::map<BackendKey, AdminState> states_;
};

} // namespace pointsman
