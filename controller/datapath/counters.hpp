#pragma once

#include "controller/datapath/abi.hpp"

#include <span>
#include <vector>

namespace pointsman {

/// Of everything but `ticks` and what limits rates.
void add(pm_counters& sum, pm_counters const& entry) noexcept;

/// The sum over all CPUs and interfaces. Programs go on counting meanwhile, but no packet is seen half
/// counted: of each entry `received` is the sum of its verdicts.
[[nodiscard]] pm_counters total_of(std::span<pm_counters const> counters) noexcept;

/// The same apart by slot in pm_links; the last one, PM_LINK_SLOTS, is of interfaces that have none.
[[nodiscard]] std::vector<pm_counters> totals_by_link(std::span<pm_counters const> counters);

/// The newest packet tells what time it is in jiffies; the daemon's own probes see to it that there is one.
[[nodiscard]] std::uint32_t newest_tick(std::span<pm_counters const> counters) noexcept;

/// The sum over all CPUs of one backend's counters; entry of a CPU: cpu * `stride` + `backend`.
[[nodiscard]] pm_backend_counters total_of(std::span<pm_backend_counters const> counters,
                                           std::uint32_t backend, std::uint32_t stride) noexcept;

} // namespace pointsman
