#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pointsman {

/// One problem of a configuration file. Places count from 1; a column is one character (code point), not one
/// octet.
struct Diagnostic {
    enum class Severity { error, warning };

    Severity severity = Severity::error;
    std::string file;
    unsigned line = 0; ///< 0: the problem is the file as a whole, with no place in it
    unsigned column = 0;
    unsigned length = 0; ///< columns to underline
    std::string message; ///< printable, one line
    std::string hint;    ///< printable, one line; may be empty

    friend bool operator==(Diagnostic const&, Diagnostic const&) = default;
};

[[nodiscard]] bool has_error(std::vector<Diagnostic> const& diagnostics) noexcept;

/// FILE:LINE:COLUMN: SEVERITY: MESSAGE, the source line, and carets with the hint. `text` is what was parsed.
/// Nothing in the text can reach the terminal as a control character.
[[nodiscard]] std::string render(std::vector<Diagnostic> const& diagnostics, std::string_view text,
                                 bool colour);

/// `text` with control characters and invalid UTF-8 replaced by "?" and cut to `limit` characters.
[[nodiscard]] std::string printable(std::string_view text, std::size_t limit = 80);

} // namespace pointsman
