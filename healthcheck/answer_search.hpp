#pragma once

#include "controller/model/expectation.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pointsman {

/// Looks for what is expected in an answer that comes in pieces. Holds at most `expected.limit` octets and
/// does a bounded amount of work, however the answer is cut up. `expected` must outlive it.
class AnswerSearch {
public:
    enum class Verdict : std::uint8_t {
        open,     ///< not found so far; more may help
        found,    ///< or nothing in particular was expected
        missing,  ///< and no more would be looked at
        too_hard, ///< the pattern takes too long on this answer
    };

    /// Tries of a pattern on a growing answer; after that it is tried once more, at the answer's end or
    /// limit.
    static constexpr unsigned try_limit = 16;

    explicit AnswerSearch(Expectation const& expected) noexcept : expected_{&expected} {}

    /// Takes what was received next.
    Verdict take(std::string_view octets);
    /// No more will come.
    Verdict end();

    [[nodiscard]] std::string const& octets() const noexcept { return octets_; }

private:
    [[nodiscard]] Verdict look(bool last);

    Expectation const* expected_;
    std::string octets_;
    std::size_t searched_ = 0; ///< the expected text does not begin before this
    unsigned tries_ = 0;
};

/// Why `verdict` failed, for people; empty for `open` and `found`.
[[nodiscard]] std::string_view reason_of(AnswerSearch::Verdict verdict) noexcept;

} // namespace pointsman
