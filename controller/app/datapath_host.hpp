#pragma once

#include "controller/datapath/attachment.hpp"
#include "controller/datapath/bpf_fs.hpp"
#include "controller/datapath/flow_decision.hpp"
#include "controller/datapath/interface_claim.hpp"
#include "controller/datapath/netlink.hpp"
#include "controller/datapath/predecessor.hpp"
#include "controller/datapath/probe_path.hpp"
#include "controller/datapath/programs.hpp"
#include "controller/datapath/switch.hpp"
#include "controller/datapath/table_sets.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace pointsman {

/// Everything of ours that is in the kernel, in the order in which it must go: programs off the interfaces
/// first, then the maps. Loads at construction; attaches when asked, after the first generation was
/// committed. Where a daemon before this one left its datapath, that goes on until then, and then hands over
/// without a gap.
class DatapathHost {
public:
    /// @throws DatapathError. What was done until then is undone; what was there before stays.
    explicit DatapathHost(DesiredState const& desired);

    /// Puts our programs on the interfaces, in the place of a predecessor's, and takes over its last
    /// sessions.
    /// @throws DatapathError; as the constructor.
    void attach();

    /// What became of our interfaces since the last call, or since construction. One that returned has our
    /// program again: attach_again().
    [[nodiscard]] std::vector<InterfaceChange> follow_interfaces();

    /// Puts our program on an interface that was made anew under its old name.
    /// @throws DatapathError; then the interface has none.
    Attachment const& attach_again(Interface const& interface);

    /// The programs by which probes go as their services' packets do, on no interface yet.
    /// @throws DatapathError
    [[nodiscard]] std::unique_ptr<ProbePath> make_probe_path(DatapathOptions const& options) const;

    /// Whether programs and maps stay in the kernel when this object ends: they go on forwarding.
    void stay(bool stays);

    /// A sign of life for a successor. Cheap.
    void note_alive() noexcept;

    /// What is due each minute or so.
    void tidy() noexcept;

    [[nodiscard]] Takeover takeover() const noexcept { return sets_.takeover; }
    /// Why the tables of a predecessor could not be used as they are.
    [[nodiscard]] std::string const& why_not_same() const noexcept { return sets_.why; }
    [[nodiscard]] std::optional<Predecessor> const& predecessor() const noexcept { return predecessor_; }
    /// What the carry-over from other tables did; all zero without one.
    [[nodiscard]] CarryOver const& carried() const noexcept { return carried_; }

    [[nodiscard]] SessionSnapshot session_snapshot() const { return snapshot_of(programs_.maps()); }
    /// What packets see now. Does not outlive the next publish.
    [[nodiscard]] FlowTables flow_tables() const { return flow_tables_of(programs_, switch_, hash_key_); }
    [[nodiscard]] Programs const& programs() const noexcept { return programs_; }
    [[nodiscard]] Switch& tables() noexcept { return switch_; }
    /// The program that frames meet in this interface's driver; -1: none does.
    [[nodiscard]] int native_xdp(std::uint32_t ifindex) const;
    [[nodiscard]] std::vector<Attachment> const& attachments() const noexcept { return attachments_; }

private:
    struct Planned {
        Interface interface;
        AttachChoice choice;
    };

    [[nodiscard]] static std::vector<Planned> plan_attachments(DatapathOptions const& options);
    [[nodiscard]] static std::vector<InterfaceClaim> claim(DatapathOptions const& options);
    [[nodiscard]] ProgramOptions program_options(DatapathOptions const& options) const;
    [[nodiscard]] SessionConversion conversion_from(FoundTables const& older) const;
    void take_sessions_of_older_tables();
    void attach(Planned const& planned);

    std::array<__u64, 2> hash_key_;
    Netlink netlink_;              ///< kept open: descriptors may run out later
    std::vector<Planned> planned_; ///< with the interfaces as they were last
    std::vector<InterfaceClaim> claims_;
    PinDirectory pins_;
    TableSets sets_;
    Programs programs_;
    Switch switch_;
    std::optional<Predecessor> predecessor_;
    CarryOver carried_;
    std::vector<Attachment> attachments_;
    bool stays_ = false;
};

} // namespace pointsman
