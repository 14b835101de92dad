#pragma once

#include "controller/model/desired_state.hpp"

#include <optional>

namespace pointsman {

/// What of a backend's past outlives a process. Durations count from the moment at which it was told.
struct Past {
    double penalty = 0;  ///< for its falls
    bool damped = false; ///< kept out for them
    std::optional<Duration>
        ejected_for{}; ///< until the newest ejection ends; below 0: it ended so long before
    unsigned ejections = 0;
    std::optional<Duration> rising{};   ///< since when its slow start runs
    std::optional<Duration> held_for{}; ///< its probes fail, and its fall waits for so long
    bool needed = false;                ///< it is ruled out and takes flows: the others do not suffice

    friend bool operator==(Past const&, Past const&) = default;
};

/// Whether a rule speaks against it.
[[nodiscard]] constexpr bool is_ruled_out(Past const& past) noexcept {
    return past.damped || (past.ejected_for && *past.ejected_for > Duration::zero());
}

} // namespace pointsman
