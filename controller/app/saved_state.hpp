#pragma once

#include "controller/app/admin_book.hpp"
#include "controller/app/check_states.hpp"
#include "controller/model/generation.hpp"
#include "controller/plan/past.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pointsman {

using WallTime = std::chrono::system_clock::time_point;

/// Why a backend is in its state, and since when.
struct StateStory {
    WallTime since;
    std::string because;

    friend bool operator==(StateStory const&, StateStory const&) = default;
};

/// An order as it outlives a process: its deadline is wall time.
struct SavedOrder {
    AdminState state = AdminState::drain;
    std::string reason;
    std::optional<WallTime> deadline;
    std::optional<AdminState> then;

    friend bool operator==(SavedOrder const&, SavedOrder const&) = default;
};

struct SavedBackend {
    std::string name;
    Address address;
    std::uint16_t port = 0;
    BackendId id = BackendId::none;
    std::uint32_t incarnation = 0; ///< tells whether the file is as new as the kernel's tables
    bool eligible = false;         ///< likewise
    bool keeps_sessions = false;
    unsigned weight = 0;
    unsigned ramp =
        full_ramp; ///< GenerationBackend::ramp: without it the kernel's Maglev table is unexplained
    unsigned weight_percent = 100; ///< likewise
    bool backup = false;
    CheckStates checks;
    std::optional<MeasuredState> ruled{}; ///< what it was taken for, where that is not what its checks say
    std::optional<Past> past{};           ///< told when the state was saved
    std::optional<StateStory> story;
    std::optional<SavedOrder> order;
    std::optional<WeightOrder> weight_order;
    std::uint64_t transitions = 0;

    friend bool operator==(SavedBackend const&, SavedBackend const&) = default;
};

struct SavedService {
    std::string name;
    Address address;
    std::uint16_t port_first = 0;
    std::uint16_t port_last = 0;
    Protocol protocol = Protocol::tcp;
    ServiceId id = ServiceId::none;
    bool panic = false;
    bool announce = false;
    std::vector<SavedBackend> backends;

    friend bool operator==(SavedService const&, SavedService const&) = default;
};

/// What a daemon writes down because the kernel's tables do not tell it: names, health, orders.
struct SavedState {
    std::string bpffs; ///< whose tables it belongs to
    WallTime saved;
    std::uint64_t generation = 0;
    std::vector<SavedService> services;

    friend bool operator==(SavedState const&, SavedState const&) = default;
};

/// Versioned JSON, times in microseconds since 1970.
[[nodiscard]] std::string encode(SavedState const& state);

/// A state, or why there is none.
struct ReadState {
    std::optional<SavedState> state;
    std::string problem; ///< empty if there is a state, or no file
};

/// Pure. Never throws: a file that is cut short, damaged or of somebody else is a problem to tell.
[[nodiscard]] ReadState decode(std::string_view text, std::string_view bpffs);

} // namespace pointsman
