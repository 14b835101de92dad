#pragma once

#include "controller/plan/alarm.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace pointsman {

/// An alarm whose cause is not known to be gone.
struct ActiveAlarm {
    Alarm alarm; ///< as it was raised last
    std::chrono::steady_clock::time_point since;
    std::chrono::steady_clock::time_point told;
    std::chrono::steady_clock::time_point raised; ///< the last time
    unsigned times = 1;
};

/// The alarms in force. No clock and no I/O.
class AlarmBook {
public:
    using TimePoint = std::chrono::steady_clock::time_point;

    static constexpr std::chrono::minutes told_again{1};

    /// @return whether it has to be told: it is new, or was told a minute ago.
    [[nodiscard]] bool raise(Alarm alarm, TimePoint now);

    /// Takes out those that last no longer and those that `is_over` names. @return them.
    [[nodiscard]] std::vector<ActiveAlarm> end(TimePoint now,
                                               std::function<bool(Alarm const&)> const& is_over);

    [[nodiscard]] std::vector<ActiveAlarm> const& active() const noexcept { return active_; }

private:
    std::vector<ActiveAlarm> active_; ///< oldest first
};

} // namespace pointsman
