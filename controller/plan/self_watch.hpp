#pragma once

#include "controller/plan/alarm.hpp"

#include <chrono>
#include <optional>
#include <vector>

namespace pointsman {

/// One look at this machine's clocks.
struct ClockReading {
    std::chrono::steady_clock::time_point steady;
    std::chrono::nanoseconds boot{}; ///< CLOCK_BOOTTIME: goes on while the machine is suspended
    std::chrono::nanoseconds wall{}; ///< since the epoch; anybody may set it
};

/// Finds out when this process stood still and when the wall clock was set. No clock and no I/O.
class SelfWatch {
public:
    static constexpr std::chrono::seconds tolerance{1}; ///< beyond what a busy machine or NTP's slewing does
    static constexpr std::chrono::minutes shown{1};     ///< how long such an alarm stays in the status

    /// The alarm for a pause of this process, of which the machine slept `suspended`.
    [[nodiscard]] static Alarm stood_still(std::chrono::nanoseconds stood,
                                           std::chrono::nanoseconds suspended = {});

    /// @param due when this look was to happen
    [[nodiscard]] std::vector<Alarm> look(ClockReading const& now, std::chrono::steady_clock::time_point due);

private:
    std::optional<ClockReading> last_;
};

} // namespace pointsman
