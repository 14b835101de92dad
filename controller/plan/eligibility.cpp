#include "controller/plan/eligibility.hpp"

#include <algorithm>

namespace pointsman {
namespace {

bool counts_for_panic(GenerationBackend const& backend) {
    return backend.admin == AdminState::ready && !withdrew(backend.measured) && backend.has_weight() &&
           !backend.backup;
}

/// Fewer than `threshold` percent of the ready backends are up. Never before each of them was probed once: a
/// fresh start admits a backend on its first passed probe, not earlier. Never with one backend alone: there
/// are no survivors to be overrun, and its clients are served best by a quick failure.
bool in_panic(BackendSpan backends, PanicRule const& rule) {
    unsigned ready = 0;
    unsigned healthy = 0;
    for (auto const& backend : backends) {
        if (!counts_for_panic(backend)) continue;
        if (backend.measured == MeasuredState::unknown) return rule.panics && rule.threshold > 0;
        ++ready;
        healthy += backend.measured == MeasuredState::up;
    }
    auto const margin = rule.panics ? rule.margin * ready / 100 : 0; // in whole backends
    auto const wanted = std::min(rule.threshold * ready, 100 * ready);
    return ready > 1 && healthy < ready && healthy * 100 < wanted + 100 * margin;
}

/// May take new flows, health aside.
bool is_usable(GenerationBackend const& backend) {
    return backend.admin == AdminState::ready && backend.has_weight() && backend.next_hop &&
           !backend.nat_addresses.empty();
}

/// A healthy reserve takes the flows before they go to backends that are down.
bool reserve_takes_over(BackendSpan backends) {
    auto const any_healthy = [&](bool backup) {
        return std::ranges::any_of(backends, [&](auto const& backend) {
            return backend.backup == backup && is_usable(backend) && backend.measured == MeasuredState::up;
        });
    };
    return any_healthy(true) && !any_healthy(false);
}

bool keeps_sessions(GenerationBackend const& backend, bool panic, OnDown on_down) {
    if (on_down == OnDown::keep) return true;
    if (backend.admin == AdminState::maint) return false;
    if (backend.admin == AdminState::drain) return backend.measured != MeasuredState::down || panic;
    if (backend.measured == MeasuredState::resting) return false;
    return works(backend.measured) || panic;
}

} // namespace

unsigned healthy_among(BackendSpan backends) noexcept {
    return static_cast<unsigned>(std::ranges::count_if(
        backends, [](auto const& backend) { return backend.has_weight() && is_healthy(backend.state()); }));
}

Treatments decide_eligibility(BackendSpan backends, PanicRule const& rule, OnDown on_down) {
    auto const panic = in_panic(backends, rule) && !reserve_takes_over(backends);
    auto const usable = [panic](GenerationBackend const& backend) {
        return is_usable(backend) &&
               (backend.measured == MeasuredState::up || (panic && backend.measured == MeasuredState::down));
    };
    auto const primary_left = std::ranges::any_of(
        backends, [&](auto const& backend) { return !backend.backup && usable(backend); });
    Treatments out{panic, {}};
    out.of.reserve(backends.size());
    for (auto const& backend : backends)
        out.of.push_back(
            {usable(backend) && backend.backup != primary_left, keeps_sessions(backend, panic, on_down)});
    return out;
}

} // namespace pointsman
