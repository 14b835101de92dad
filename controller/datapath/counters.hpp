#pragma once

#include "controller/datapath/abi.hpp"

#include <span>

namespace pointsman {

/// The sum over all CPUs. Programs go on counting meanwhile, but no packet is seen half counted: of each
/// CPU's entry `received` is the sum of its verdicts.
[[nodiscard]] pm_counters total_of(std::span<pm_counters const> counters) noexcept;

/// The sum over all CPUs of one backend's counters; entry of a CPU: cpu * `stride` + `backend`.
[[nodiscard]] pm_backend_counters total_of(std::span<pm_backend_counters const> counters,
                                           std::uint32_t backend, std::uint32_t stride) noexcept;

} // namespace pointsman
