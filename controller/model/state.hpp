#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pointsman {

/// What the probes say. A backend is unknown until its first probe ends. `draining`: it works, and asks by
/// its answers for no new flows. `resting`: it asks for no flows at all.
enum class MeasuredState : std::uint8_t { unknown, up, down, draining, resting };

/// What a person asked for. Only who set it clears it.
enum class AdminState : std::uint8_t { ready, drain, maint };

/// What follows from both: the state that users see.
enum class State : std::uint8_t { up, starting, drain, down, maint };

[[nodiscard]] std::string_view name_of(MeasuredState value) noexcept;
[[nodiscard]] std::string_view name_of(AdminState value) noexcept;
[[nodiscard]] std::string_view name_of(State value) noexcept;

/// The admin state decides unless it is ready; an unmeasured backend is not up.
[[nodiscard]] constexpr State state_of(MeasuredState measured, AdminState admin) noexcept {
    if (admin == AdminState::maint) return State::maint;
    if (admin == AdminState::drain || measured == MeasuredState::draining) return State::drain;
    if (measured == MeasuredState::resting) return State::maint;
    return measured == MeasuredState::up ? State::up : State::down;
}

/// It takes new flows if it has a weight.
[[nodiscard]] constexpr bool is_healthy(State state) noexcept {
    return state == State::up || state == State::starting;
}

/// It passes its probes.
[[nodiscard]] constexpr bool works(MeasuredState measured) noexcept {
    return measured == MeasuredState::up || measured == MeasuredState::draining;
}

/// It is out of service as it asked, which is no fault.
[[nodiscard]] constexpr bool withdrew(MeasuredState measured) noexcept {
    return measured == MeasuredState::draining || measured == MeasuredState::resting;
}

/// Names a backend across configurations, restarts and machines.
struct BackendKey {
    std::string service;
    std::string backend;

    friend auto operator<=>(BackendKey const&, BackendKey const&) = default;
};

[[nodiscard]] std::string text(BackendKey const& key);

} // namespace pointsman
