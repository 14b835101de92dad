#pragma once

#include "controller/datapath/attachment.hpp"
#include "controller/datapath/bpf_fs.hpp"
#include "controller/datapath/flow_decision.hpp"
#include "controller/datapath/programs.hpp"
#include "controller/datapath/switch.hpp"

#include <optional>
#include <vector>

namespace pointsman {

/// Everything of ours that is in the kernel, in the order in which it must go: programs off the interfaces
/// first, then the maps. Loads at construction; attaches when asked, after the first generation was
/// committed.
class DatapathHost {
public:
    /// @throws DatapathError; what was done until then is undone.
    explicit DatapathHost(DesiredState const& desired);

    /// @throws DatapathError; attached interfaces are detached again.
    void attach();

    /// Leaves programs and maps in the kernel when this object ends: they go on forwarding.
    void stay();

    [[nodiscard]] SessionSnapshot session_snapshot() const;
    /// What packets see now. Does not outlive the next publish.
    [[nodiscard]] FlowTables flow_tables() const { return flow_tables_of(programs_, switch_, hash_key_); }
    [[nodiscard]] Programs const& programs() const noexcept { return programs_; }
    [[nodiscard]] Switch& tables() noexcept { return switch_; }
    [[nodiscard]] std::vector<Attachment> const& attachments() const noexcept { return attachments_; }
    [[nodiscard]] std::vector<std::string> const& leftovers() const noexcept { return leftovers_; }

private:
    struct Planned {
        Interface interface;
        AttachChoice choice;
    };

    [[nodiscard]] static std::vector<Planned> plan_attachments(DatapathOptions const& options);
    [[nodiscard]] ProgramOptions program_options(DatapathOptions const& options) const;

    std::array<__u64, 2> hash_key_;
    std::vector<Planned> planned_;
    PinDirectory pins_;
    std::vector<std::string> leftovers_; ///< of a daemon that ended without cleaning up
    Programs programs_;
    Switch switch_;
    std::vector<Attachment> attachments_;
};

} // namespace pointsman
