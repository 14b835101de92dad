#pragma once

#include "controller/model/pattern.hpp"

#include <cstddef>
#include <string>

namespace pointsman {

/// What the first octets of an answer must contain: a text or a pattern, or nothing in particular.
struct Expectation {
    static constexpr std::size_t default_limit = 4096;

    std::string text{}; ///< raw octets
    Pattern pattern{};
    std::size_t limit = default_limit; ///< octets of the answer that are looked at

    [[nodiscard]] bool is_set() const noexcept { return !text.empty() || !pattern.empty(); }
    friend bool operator==(Expectation const&, Expectation const&) = default;
};

} // namespace pointsman
