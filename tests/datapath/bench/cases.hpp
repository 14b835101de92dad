#pragma once

#include "tests/datapath/bench/runner.hpp"
#include "tests/datapath/datapath.hpp"

#include <optional>
#include <string>
#include <vector>

namespace pointsman::bench {

/// What is timed: frames that all meet one verdict.
struct Case {
    std::string name;
    std::vector<RunnerFrame> frames; ///< one a flow
    std::uint32_t verdict = 0;
    bool fresh = false;             ///< each block begins with an empty session table
    bool moves_head = false;        ///< the runner has to move it back
    std::optional<double> target{}; ///< at most so many times the floor, from what peers cost
};

/// A service that cases are about. Packets leave by the interface they came by (one arm).
struct Mode {
    Forward forward = Forward::nat;
    bool v6 = false;
    Protocol protocol = Protocol::tcp;
};

/// "nat_ipv4_tcp"
[[nodiscard]] std::string name_of(Mode const& mode);

/// A generation with one service of the mode and enough backends for that many flows.
[[nodiscard]] Generation generation_for(Mode const& mode, std::uint32_t flows);

/// Options with room for that many flows.
[[nodiscard]] DatapathOptions options_for(std::uint32_t flows);

/// What the floor program looks up: IPv4 TCP packets of that many flows.
[[nodiscard]] std::vector<RunnerFrame> floor_frames(std::uint32_t flows);

/// A packet to the mode's service, but to a port that no service has.
[[nodiscard]] RunnerFrame frame_of_no_service(Mode const& mode, std::uint32_t flow);

/// The cases of one mode on a datapath that has its generation: established flows, for nat their answers, new
/// flows, and packets that are not ours. Opens the flows.
[[nodiscard]] std::vector<Case> cases_of(test::Datapath& datapath, Mode const& mode, std::uint32_t flows);

} // namespace pointsman::bench
