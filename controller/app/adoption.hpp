#pragma once

#include "controller/app/saved_state.hpp"
#include "controller/model/desired_state.hpp"

#include <map>
#include <optional>

namespace pointsman {

/// What a starting daemon knows of the one before it.
struct Inheritance {
    std::optional<Generation> tables; ///< of the kernel, without names: read_generation
    std::optional<SavedState> saved;
    bool continues = false;         ///< a datapath is in use, even if its tables cannot be read
    std::uint32_t service_room = 0; ///< ids of the new tables; ids above are given up
    std::uint32_t backend_room = 0;
};

/// What it goes on from.
struct Adopted {
    Generation current;                       ///< number 0 and empty: there is nothing to go on from
    std::map<BackendKey, CheckStates> health; ///< without backends of which nothing is known
    std::map<BackendKey, SavedOrder> orders;
    std::map<BackendKey, WeightOrder> weights;
    std::map<BackendKey, Past> pasts; ///< of the moment at which the state was saved
    std::map<BackendKey, StateStory> stories;
    std::map<BackendKey, std::uint64_t> transitions;
};

/// Pure. Joins what the kernel's tables say with what was written down. The tables win, because packets
/// follow them; the file gives names and what probes and people said. A backend is the same if its service's
/// name, address, ports and protocol and its own name, address and port are. Without a file names come from
/// the configuration, by address, and a backend that takes new flows counts as up.
///
/// Health is inherited only while a datapath is in use: otherwise the first probe decides. Orders always are:
/// only a person takes them back. So are penalties and ejections, which only time takes back.
[[nodiscard]] Adopted adopt(Inheritance const& inherited, DesiredState const& desired);

} // namespace pointsman
