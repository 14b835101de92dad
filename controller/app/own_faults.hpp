#pragma once

#include "controller/plan/alarm.hpp"
#include "healthcheck/probe.hpp"

#include <string_view>

namespace pointsman {

/// Pure. What an outcome OWN says about this host: a word of the audit trail's `because`.
[[nodiscard]] std::string_view own_fault_of(Outcome const& outcome) noexcept;

/// Pure. The alarm for it, with what mends it. Not for a process that stood still: see SelfWatch.
[[nodiscard]] Alarm alarm_of_own_fault(ProbeTarget const& target, Outcome const& outcome);

} // namespace pointsman
