#pragma once

#include "controller/cli/doctor_findings.hpp"

#include <string>
#include <utility>
#include <vector>

namespace pointsman {

/// A change of this host and how to take it back.
struct HostChange {
    CommandWords command;
    CommandWords undo;

    friend bool operator==(HostChange const&, HostChange const&) = default;
};

/// The changes that `doctor --apply` made and `--revert` has not undone: state_dir/doctor.json.
class HostChanges {
public:
    explicit HostChanges(std::string const& state_dir);

    /// Runs the command. How to undo it is on the disk before.
    /// @return empty, or why it failed; then it is not remembered.
    [[nodiscard]] std::string make(HostChange const& change);

    /// Undoes all, the last first. Those that fail stay remembered.
    /// @return each undo with empty text, or why it failed.
    [[nodiscard]] std::vector<std::pair<CommandWords, std::string>> undo_all();

private:
    [[nodiscard]] std::vector<HostChange> read() const;
    [[nodiscard]] std::string write(std::vector<HostChange> const& changes) const;

    std::string path_;
};

/// As one would type it.
[[nodiscard]] std::string text_of(CommandWords const& words);

} // namespace pointsman
