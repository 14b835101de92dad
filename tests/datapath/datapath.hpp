#pragma once

#include "controller/datapath/bpf_fs.hpp"
#include "controller/datapath/programs.hpp"
#include "controller/datapath/switch.hpp"
#include "tests/datapath/frame.hpp"

#include <optional>
#include <vector>

namespace pointsman::test {

/// What became of a packet, the same for both hooks.
enum class Fate : std::uint8_t { passed, dropped, sent_back, redirected, unknown };

/// What a program did to one packet.
struct Output {
    Fate fate = Fate::unknown;
    std::optional<std::uint32_t> verdict; ///< nullopt when not exactly one verdict was counted
    Frame frame;

    [[nodiscard]] bool was_sent() const noexcept {
        return fate == Fate::sent_back || fate == Fate::redirected;
    }
};

/// How a packet comes, besides its octets.
struct Arrival {
    std::uint32_t gso_size = 0; ///< tc: the frame is several segments of this length that travel as one
    bool is_summed = false;     ///< tc: the NIC summed up the IP packet; what leaves must match that sum
};

/// Both programs, loaded with maps of their own, and the switch that says what they see. No interface is
/// touched: packets come and go by BPF_PROG_TEST_RUN, as if received on the loopback interface.
class Datapath {
public:
    static constexpr std::uint32_t ingress_ifindex = 1; ///< lo: there is one in every network namespace

    /// @param generic the XDP program is the one for generic XDP, and the tc program behind it is loaded too.
    /// @throws DatapathError: no privileges, no BPF file system.
    explicit Datapath(DatapathOptions const& options, bool generic = false);

    [[nodiscard]] Programs const& programs() const noexcept { return programs_; }
    [[nodiscard]] std::string const& pin_directory() const noexcept { return pins_.path(); }
    [[nodiscard]] Switch& tables() noexcept { return switch_; }

    /// Prepares and commits. Waits for nothing: for tests in which no packet is under way.
    void commit(Generation const& generation, bool swap_sessions = false);

    /// What follows a commit that swapped the sessions.
    CarryOver finish_swap();

    /// Runs the program once. Counts the verdict, so that no other thread may send meanwhile.
    [[nodiscard]] Output send(Hook hook, Frame const& frame, Arrival const& arrival = {});

    /// No sessions, no fragments, no counts, no evidence remembered: as after loading.
    void reset();

private:
    PinDirectory pins_;
    Programs programs_;
    OwnedFd fragments_;                     ///< the map of fragmented packets, which the daemon leaves alone
    MappedArray<pm_port_hints> port_hints_; ///< likewise, what is known of NAT ports
    Switch switch_;
};

/// Runs a program once, from any thread. `frame` is replaced by what left the program.
/// @return the fate, or unknown when the kernel refused to build such a packet, or what leaves is not what
/// its sum says.
[[nodiscard]] Fate run_program(int program_fd, Hook hook, Frame& frame, Arrival const& arrival = {});

/// Whether a packet with this verdict goes nowhere: it was dropped, or the daemon keeps it for a while.
[[nodiscard]] bool ends_here(std::uint32_t verdict) noexcept;

/// Sums over all CPUs.
[[nodiscard]] pm_counters total(std::span<pm_counters const> counters) noexcept;

/// Every entry in use, of both directions.
[[nodiscard]] std::vector<Session> sessions_in(SessionHalf half);

/// Options for small tables: 4096 flows, 16 services, 64 backends, the default NAT ports.
[[nodiscard]] DatapathOptions small_options();

/// The one that most tests share, because loading takes a second. Throws what the constructor throws.
[[nodiscard]] Datapath& shared_datapath();

/// Empty, or why this machine cannot run the programs.
[[nodiscard]] std::string why_not_here();

} // namespace pointsman::test
