#pragma once

#include "controller/model/address.hpp"
#include "controller/model/ids.hpp"
#include "controller/model/state.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace pointsman {

using Mac = std::array<std::uint8_t, 6>;

/// How a frame reaches a backend.
struct NextHop {
    std::uint32_t ifindex = 0;
    Mac mac{};                   ///< of the next hop
    Mac source{};                ///< of our interface
    bool peer_elsewhere = false; ///< that interface is a veth whose peer is in another network namespace
    std::uint32_t mtu = 0;       ///< longest IP packet that the route takes; 0: any
    bool is_router = false;      ///< it is a router on the way, not the backend itself

    friend bool operator==(NextHop const&, NextHop const&) = default;
};

/// Steps of a slow start. A backend in step n of them has n tenths of its weight.
inline constexpr unsigned full_ramp = 10;

/// That a backend may have.
inline constexpr unsigned largest_weight = 65535;

struct GenerationBackend {
    // What a verdict is decided by stands side by side: it is read of all backends of a service.
    BackendId id = BackendId::none;
    ServiceId service = ServiceId::none;
    MeasuredState measured = MeasuredState::unknown; ///< as judged: by probes, damping and own faults
    AdminState admin = AdminState::ready;
    bool backup = false;
    bool eligible = false;         ///< takes new flows
    bool keeps_sessions = false;   ///< established flows stay on it
    unsigned weight = 0;           ///< as ordered or configured
    unsigned ramp = full_ramp;     ///< step of the slow start, 1 to full_ramp
    unsigned weight_percent = 100; ///< share of `weight` that its agent asks for, 0-65535
    std::optional<NextHop> next_hop;
    std::vector<Address> nat_addresses; ///< source addresses towards it, none if the kernel has no route
    unsigned source_bits = 0;           ///< ipip: so many last bits of the one source address are the flow's
    std::uint32_t incarnation = 0;
    Address address;
    std::uint16_t port = 0;
    BackendKey key;

    /// By order, configuration and its agent: it may take new flows.
    [[nodiscard]] bool has_weight() const noexcept { return weight > 0 && weight_percent > 0; }
    /// Its share of the slots relative to other backends'. An agent raises no weight above the largest one.
    [[nodiscard]] unsigned slot_weight() const noexcept {
        return std::min(weight * weight_percent, largest_weight * 100) * ramp;
    }
    [[nodiscard]] State state() const noexcept {
        auto const state = state_of(measured, admin);
        return state == State::up && ramp < full_ramp ? State::starting : state;
    }
    friend bool operator==(GenerationBackend const&, GenerationBackend const&) = default;
};

} // namespace pointsman
