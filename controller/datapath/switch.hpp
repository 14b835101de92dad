#pragma once

#include "controller/datapath/programs.hpp"
#include "controller/model/generation.hpp"

#include <string>

namespace pointsman {

/// The one switch: two halves of tables, two halves of sessions, and the word that says which ones packets
/// see.
///
/// Order of use: prepare (may fail) -> commit (one store) -> wait_for_packets -> the idle half may be
/// prepared again. If the commit swapped the sessions: carry_over_sessions -> end_carry_over ->
/// wait_for_packets -> clear_idle_sessions.
class Switch {
public:
    explicit Switch(Programs const& programs);

    /// Writes a generation into the idle table half.
    /// @return empty, or why it does not fit; packets see no difference either way.
    [[nodiscard]] std::string prepare(Generation const& generation);

    /// The same for a generation that may be prepared next: what of it comes true is there already.
    void foresee(Generation const& generation);

    /// Makes the prepared half the active one and, if asked, the empty session half too. One atomic store.
    void commit(std::uint64_t generation, bool swap_sessions) noexcept;

    /// Returns when no packet is under way that began before the call (a grace period, 8-32 ms). Any thread.
    static void wait_for_packets() noexcept;

    /// Carries the sessions that are still valid into the active half. Any thread, beside the running
    /// programs.
    [[nodiscard]] CarryOver carry_over_sessions();
    void end_carry_over() noexcept;
    void clear_idle_sessions() noexcept;

    /// Whether a carry-over was begun and not ended: by this process, or by one that was killed.
    [[nodiscard]] bool is_carrying_over() const noexcept;

    [[nodiscard]] std::uint32_t active() const noexcept;
    [[nodiscard]] SessionHalf active_sessions() const noexcept;
    [[nodiscard]] TableHalf active_tables() const noexcept;

private:
    void store(std::uint32_t word) noexcept;
    void reset_counters_of_new(Generation const& generation);
    void note_incarnations(Generation const& generation) noexcept;

    Programs const& programs_;
    WrittenHalf written_[2]; ///< by table half
};

} // namespace pointsman
