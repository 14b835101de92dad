#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pointsman {

/// docs/verdicts.md and docs/audit-trail.md as they were when this program was built: commands and manual
/// cannot differ.
[[nodiscard]] std::string_view verdicts_manual() noexcept;
[[nodiscard]] std::string_view audit_manual() noexcept;

/// What the manual says of one thing, as plain text. Paragraphs are single lines.
struct ManualEntry {
    std::string meaning;             ///< the first paragraph
    std::vector<std::string> remedy; ///< the others: when it is normal, what to do

    friend bool operator==(ManualEntry const&, ManualEntry const&) = default;
};

/// The section "### name" of a manual in Markdown, without emphasis.
[[nodiscard]] std::optional<ManualEntry> section_of(std::string_view manual, std::string_view name);

/// The rows of the table below "## heading", by cell. Neither its head nor rows of other tables.
[[nodiscard]] std::vector<std::vector<std::string>> table_of(std::string_view manual,
                                                             std::string_view heading);

/// What a verdict means and what to do about it.
[[nodiscard]] std::optional<ManualEntry> explain_verdict(std::string_view name);

/// What a word of `because` in the audit trail means: "health: connected; answered as expected".
[[nodiscard]] std::optional<std::string> explain_because(std::string_view word);

} // namespace pointsman
