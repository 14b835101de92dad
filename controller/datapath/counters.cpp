#include "controller/datapath/counters.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>

namespace pointsman {
namespace {

constexpr int tries = 1000;

std::uint64_t load(__u64 const& counter) noexcept {
    return std::atomic_ref{const_cast<__u64&>(counter)}.load(std::memory_order_acquire);
}

std::uint64_t verdicts_of(pm_counters const& entry) noexcept {
    std::uint64_t sum = 0;
    for (auto const count : entry.verdict)
        sum += count;
    return sum;
}

/// A packet counts twice, as received and by its verdict; a copy between the two is made again. A CPU that is
/// stopped there (a virtual one) does not hold us up for ever.
pm_counters read_entry(pm_counters const& entry) noexcept {
    pm_counters copy{};
    for (int i = 0; i < tries; ++i) {
        auto const received = load(entry.received);
        std::memcpy(&copy, &entry, sizeof(copy));
        std::atomic_thread_fence(std::memory_order_acquire);
        if (load(entry.received) == received && verdicts_of(copy) == received) break;
    }
    return copy;
}

} // namespace

void add(pm_counters& sum, pm_counters const& entry) noexcept {
    sum.received += entry.received;
    sum.events_lost += entry.events_lost;
    sum.evicted_closed += entry.evicted_closed;
    sum.evicted_embryonic += entry.evicted_embryonic;
    sum.evicted_idle += entry.evicted_idle;
    for (std::size_t i = 0; i < PM_VERDICTS; ++i)
        sum.verdict[i] += entry.verdict[i];
    for (std::size_t i = 0; i < PM_EVENTS; ++i)
        sum.event[i] += entry.event[i];
}

pm_counters total_of(std::span<pm_counters const> counters) noexcept {
    pm_counters sum{};
    for (auto const& entry : counters)
        add(sum, read_entry(entry));
    return sum;
}

std::vector<pm_counters> totals_by_link(std::span<pm_counters const> counters) {
    std::vector<pm_counters> sums(PM_COUNTED_LINKS);
    for (std::size_t i = 0; i < counters.size(); ++i)
        add(sums[i % PM_COUNTED_LINKS], read_entry(counters[i]));
    return sums;
}

std::uint32_t newest_tick(std::span<pm_counters const> counters) noexcept {
    std::uint64_t now = 0;
    for (auto const& entry : counters)
        now = std::max<std::uint64_t>(now, entry.ticks);
    return static_cast<std::uint32_t>(now);
}

pm_backend_counters total_of(std::span<pm_backend_counters const> counters, std::uint32_t backend,
                             std::uint32_t stride) noexcept {
    pm_backend_counters sum{};
    for (std::size_t i = backend; i < counters.size(); i += stride) {
        auto const& cpu = counters[i];
        sum.packets_to_backend += cpu.packets_to_backend;
        sum.bytes_to_backend += cpu.bytes_to_backend;
        sum.packets_to_client += cpu.packets_to_client;
        sum.bytes_to_client += cpu.bytes_to_client;
        sum.opened += cpu.opened;
        sum.established += cpu.established;
        sum.refused += cpu.refused;
        sum.closed += cpu.closed;
        sum.cut += cpu.cut;
        sum.second_chances += cpu.second_chances;
    }
    return sum;
}

} // namespace pointsman
