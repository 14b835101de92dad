#pragma once

#include "controller/model/state.hpp"
#include "healthcheck/outcome.hpp"

#include <optional>
#include <utility>

namespace pointsman {

/// What a backend asks for by its answers, in force until they say otherwise.
struct Wishes {
    AdminState state = AdminState::ready;
    std::optional<unsigned> weight_percent{}; ///< of its weight; nullopt: it never said
    bool unwell = false; ///< its agent said down, fail or stopped, and has not said up since

    friend constexpr bool operator==(Wishes const&, Wishes const&) = default;
};

[[nodiscard]] inline Wishes wishes_of(Outcome const& outcome) noexcept {
    return {outcome.asks.value_or(AdminState::ready), outcome.weight_percent, outcome.healthy == false};
}

/// Pure. An agent says what it wants changed: what it leaves unsaid, or cannot say since it does not answer,
/// is as before (HAProxy, configuration manual, "agent-check"). After "down" only "up" is healthy.
[[nodiscard]] inline Outcome with_unsaid(Outcome outcome, Wishes const& before) {
    if (outcome.code == OutcomeCode::OWN) return outcome;
    if (!outcome.asks && before.state != AdminState::ready) outcome.asks = before.state;
    if (!outcome.weight_percent) outcome.weight_percent = before.weight_percent;
    if (outcome.healthy || !before.unwell) return outcome;
    outcome.healthy = false;
    if (!outcome.passed()) return outcome;
    outcome.code = OutcomeCode::L7STS;
    outcome.text = "was down by its own word, and did not say up since";
    return outcome;
}

} // namespace pointsman
