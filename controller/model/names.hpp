#pragma once

#include "controller/model/desired_state.hpp"

#include <string_view>

namespace pointsman {

/// The word that configuration, log, status and audit trail use for a value.
[[nodiscard]] std::string_view name_of(Protocol value) noexcept;
[[nodiscard]] std::string_view name_of(Forward value) noexcept;
[[nodiscard]] std::string_view name_of(Source value) noexcept;
[[nodiscard]] std::string_view name_of(OnDown value) noexcept;
[[nodiscard]] std::string_view name_of(Attach value) noexcept;
[[nodiscard]] std::string_view name_of(LogLevel value) noexcept;
[[nodiscard]] std::string_view name_of(LogFormat value) noexcept;
[[nodiscard]] std::string_view name_of(CheckType value) noexcept;
/// Its name or, without one, its type: unique among the checks of a backend. Refers to `check`.
[[nodiscard]] std::string_view name_of(Check const& check) noexcept;
[[nodiscard]] std::string_view name_of(Via value) noexcept;
[[nodiscard]] std::string_view name_of(Init value) noexcept;
[[nodiscard]] std::string_view name_of(Passive value) noexcept;

} // namespace pointsman
