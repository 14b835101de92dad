#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace pointsman {

/// Why packets were forwarded, passed or dropped: the kernel's numbers with their names.
struct VerdictName {
    std::uint32_t number;
    std::string_view name;
};

/// All verdicts there are, by number. docs/verdicts.md explains each.
[[nodiscard]] std::span<VerdictName const> verdict_names() noexcept;

} // namespace pointsman
