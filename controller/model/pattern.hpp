#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace pointsman {

/// A regular expression in Perl's syntax, for octets that a stranger chose: a search that takes more than
/// some milliseconds is given up.
class Pattern {
public:
    Pattern() = default;

    /// An empty one for what is no regular expression; `flaw` then says why.
    [[nodiscard]] static Pattern compile(std::string text, std::string& flaw);

    enum class Result : unsigned char { found, missing, too_hard };

    [[nodiscard]] bool empty() const noexcept { return program_ == nullptr; }
    /// An empty pattern is in everything.
    [[nodiscard]] Result search(std::string_view octets) const noexcept;
    [[nodiscard]] std::string const& text() const noexcept { return text_; }

    friend bool operator==(Pattern const& a, Pattern const& b) noexcept { return a.text_ == b.text_; }

private:
    struct Program;

    Pattern(std::string text, std::shared_ptr<Program const> program);

    std::string text_;
    std::shared_ptr<Program const> program_; ///< shared by copies, because compiling is dear; never changes
};

} // namespace pointsman
