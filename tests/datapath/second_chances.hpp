#pragma once

#include "tests/datapath/way.hpp"

#include <chrono>

namespace pointsman::test {

/// world_of(way) with so many backends, all up.
[[nodiscard]] World world_with(unsigned backends, Way const& way = {});

/// The RST with which the backend answers the flow's first packet.
[[nodiscard]] Packet refusal_of(Flow const& flow);

/// All that is remembered of flows happened so much earlier.
void age(Scene& scene, std::chrono::milliseconds by);

/// All sessions were opened just now.
void make_new(Scene& scene);

/// As the programs hash a client's packet.
[[nodiscard]] std::uint64_t flow_hash_of(Packet const& packet);

/// A SYN of another flow, kept where that of `packet` is.
[[nodiscard]] Packet packet_at_the_same_place(Packet packet);

} // namespace pointsman::test
