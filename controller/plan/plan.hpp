#pragma once

#include "controller/model/generation.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace pointsman {

class MaglevMemory;

/// What departs from a backend's configured weight.
struct Adjustment {
    std::optional<unsigned> weight{}; ///< by order
    unsigned ramp = full_ramp;        ///< by slow start: see GenerationBackend::ramp
    unsigned weight_percent = 100;    ///< by its agent: of the weight by order, or else the configured one

    friend bool operator==(Adjustment const&, Adjustment const&) = default;
};

/// What a plan looks at, so that a verdict is planned in the time that its own takes. All else stays as it is
/// in the current generation, whatever the rest of the input says, and a plan of everything has to follow.
/// Where services or backends are not the current generation's, everything is looked at.
struct PlanScope {
    std::set<std::string> services;
    std::optional<std::set<BackendKey>> backends{}; ///< of these services; nullopt: all of them

    friend bool operator==(PlanScope const&, PlanScope const&) = default;
};

/// All that a plan depends on, besides the current generation.
struct PlanInput {
    DesiredState const& desired;
    std::map<BackendKey, MeasuredState> const&
        measured;                                  ///< a missing backend is unknown; without a check it is up
    std::map<BackendKey, AdminState> const& admin; ///< a missing backend is ready
    NetworkView const& network;
    std::map<BackendKey, Adjustment> adjust{}; ///< a missing backend has its full configured weight
    PlanScope const* only = nullptr;           ///< nullptr: everything
    MaglevMemory* memory = nullptr;            ///< what it holds only saves time
};

/// One thing that differs from the current generation, in the audit trail's words.
struct Change {
    enum class Kind : std::uint8_t { service, backend, panic, weight, next_hop, announce };

    Kind kind = Kind::backend;
    BackendKey key; ///< backend empty for services, panic and announce
    std::string was;
    std::string now;

    friend bool operator==(Change const&, Change const&) = default;
};

[[nodiscard]] std::string_view name_of(Change::Kind kind) noexcept;

struct Plan {
    Generation next;
    std::vector<Change> changes;   ///< empty: nothing to publish
    std::uint32_t slots_moved = 0; ///< Maglev slots of all services that lead elsewhere
    bool cuts_sessions = false;    ///< an incarnation changed: the sessions are swapped too
};

/// Pure. Computes the whole next generation; never patches. What is as before is shared with `current`:
/// blocks of backends, Maglev tables. Backend and service ids, incarnations and NAT address indices are kept
/// from `current` where the same thing is still wanted. Precondition: `input.desired` fits the room that the
/// datapath was started with (config::DatapathOptions).
[[nodiscard]] Plan plan_next(PlanInput const& input, Generation const& current);

} // namespace pointsman
