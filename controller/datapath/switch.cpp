#include "controller/datapath/switch.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <atomic>
#include <chrono>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

namespace pointsman {
namespace {

constexpr std::chrono::milliseconds without_membarrier{200};

unsigned table_half(std::uint32_t active) {
    return active & PM_ACTIVE_TABLE_HALF;
}
unsigned session_half(std::uint32_t active) {
    return (active & PM_ACTIVE_SESSION_HALF) ? 1 : 0;
}

} // namespace

Switch::Switch(Programs const& programs) : programs_{programs} {}

std::string Switch::prepare(Generation const& generation) {
    auto const idle = 1 - table_half(active());
    reset_counters_of_new(generation);
    note_incarnations(generation);
    return write_generation(generation, programs_.tables(idle), written_[idle], programs_.ticks_per_second());
}

/// Nothing is counted or given out for what may not come. What does not fit is told when it is prepared.
void Switch::foresee(Generation const& generation) {
    auto const idle = 1 - table_half(active());
    (void)write_generation(generation, programs_.tables(idle), written_[idle], programs_.ticks_per_second());
}

/// A backend that takes over a number starts counting at zero.
void Switch::reset_counters_of_new(Generation const& generation) {
    auto const known = active_tables().backends;
    auto const counters = programs_.backend_counters();
    auto const& in_force = written_[table_half(active())];
    auto const is_new = [&](GenerationBackend const& backend) {
        auto const id = static_cast<std::size_t>(backend.id);
        if (id >= known.size() || known[id].incarnation == 0) return false;
        return from_abi(known[id].address) != backend.address || known[id].port != htons(backend.port) ||
               known[id].service != static_cast<std::uint16_t>(backend.service);
    };
    generation.backends.for_each_apart_from(in_force ? in_force->backends : BackendList{},
                                            [&](GenerationBackend const& backend) {
                                                if (is_new(backend))
                                                    for (auto i = static_cast<std::size_t>(backend.id);
                                                         i < counters.size(); i += programs_.room().backends)
                                                        counters[i] = {};
                                            });
}

/// For a successor: a number that was given out is never given out again, even if nothing was published.
void Switch::note_incarnations(Generation const& generation) noexcept {
    auto const noted = programs_.maps().incarnations();
    for (std::size_t id = 0; id < std::min(noted.size(), generation.incarnations.size()); ++id)
        noted[id] = generation.incarnations[id];
}

void Switch::commit(std::uint64_t generation, bool swap_sessions) noexcept {
    programs_.maps().ledger().generation = generation; // first: never behind `active`
    auto word = active() & (PM_ACTIVE_TABLE_HALF | PM_ACTIVE_SESSION_HALF | PM_ACTIVE_CARRY_OVER);
    word ^= PM_ACTIVE_TABLE_HALF;
    if (swap_sessions) word = (word ^ PM_ACTIVE_SESSION_HALF) | PM_ACTIVE_CARRY_OVER;
    store(word | static_cast<std::uint32_t>(generation << PM_ACTIVE_GENERATION_SHIFT));
}

/// Programs run inside an RCU read-side section; the global membarrier waits for all of them. Kernels with
/// nohz_full refuse it: then a time that no packet stays in a program has to do.
void Switch::wait_for_packets() noexcept {
    if (::syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) != 0)
        std::this_thread::sleep_for(without_membarrier);
}

CarryOver Switch::carry_over_sessions() {
    auto const half = session_half(active());
    return carry_over(programs_.sessions(1 - half), programs_.sessions(half), active_tables().backends);
}

void Switch::end_carry_over() noexcept {
    store(active() & ~PM_ACTIVE_CARRY_OVER);
}

void Switch::clear_idle_sessions() noexcept {
    clear_sessions(programs_.sessions(1 - session_half(active())));
}

bool Switch::is_carrying_over() const noexcept {
    return (active() & PM_ACTIVE_CARRY_OVER) != 0;
}

std::uint32_t Switch::active() const noexcept {
    return std::atomic_ref{programs_.control().active}.load(std::memory_order_relaxed);
}

SessionHalf Switch::active_sessions() const noexcept {
    return programs_.sessions(session_half(active()));
}

TableHalf Switch::active_tables() const noexcept {
    return programs_.tables(table_half(active()));
}

void Switch::store(std::uint32_t word) noexcept {
    std::atomic_ref{programs_.control().active}.store(word, std::memory_order_release);
}

} // namespace pointsman
