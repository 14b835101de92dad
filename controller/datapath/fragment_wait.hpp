#pragma once

#include "controller/datapath/abi.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace pointsman {

/// A later fragment of a packet whose first one has not come.
struct HeldFragment {
    pm_fragment_key key{};
    std::uint32_t ifindex = 0;       ///< of the interface that it came by
    std::vector<std::uint8_t> frame; ///< with all its VLAN tags
    std::chrono::steady_clock::time_point came;
};

/// A fragment whose wait is over.
struct ReleasedFragment {
    HeldFragment fragment;
    bool first_came = false; ///< or it waited in vain
};

/// Which fragments wait, when each is looked after, and when its wait is over: as soon as the first one of
/// its packet is known, but after `longest` in any case. No clock and no I/O.
class FragmentWait {
public:
    using TimePoint = std::chrono::steady_clock::time_point;

    static constexpr std::size_t most = 512; ///< at a time; some 1 MiB
    static constexpr std::chrono::milliseconds longest{250};
    static constexpr std::size_t most_at_once = 16; ///< so that other things of the loop come in between

    /// Lets a fragment wait. What finds no room, or comes from a process before this one, does not.
    /// @return whether it waits.
    bool take(HeldFragment fragment, TimePoint now);

    /// Takes out those whose wait is over, oldest first, `most_at_once` at most.
    [[nodiscard]] std::vector<ReleasedFragment>
    look(TimePoint now, std::function<bool(pm_fragment_key const&)> const& first_came);

    /// When to look the next time; nullopt while nothing waits.
    [[nodiscard]] std::optional<TimePoint> next_look() const;

    [[nodiscard]] std::size_t size() const noexcept { return waiting_.size(); }

private:
    struct Waiting {
        HeldFragment fragment;
        TimePoint look; ///< the next one
    };

    std::vector<Waiting> waiting_; ///< oldest first
};

} // namespace pointsman
