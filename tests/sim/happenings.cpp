// What a seed stands for.
#include "tests/sim/world.hpp"

#include <algorithm>
#include <array>

namespace pointsman::sim {
namespace {

using namespace std::chrono_literals;
using Kind = Happening::Kind;

constexpr std::array names{"kill",  "darken", "slow",   "ask",    "revive", "noise",
                           "stall", "link",   "mute",   "starve", "deafen", "drain",
                           "maint", "ready",  "weight", "share",  "reload", "restart"};
constexpr Duration duration_of_trouble = 15s;

/// Faults that are followed by their end, more often than not.
bool breaks(Kind kind) {
    return kind == Kind::kill || kind == Kind::darken || kind == Kind::slow || kind == Kind::ask;
}

} // namespace

std::string text(Happening const& happening) {
    auto const ms = std::chrono::duration_cast<std::chrono::milliseconds>(happening.at).count();
    return std::to_string(ms) + " ms: " + names[static_cast<std::size_t>(happening.kind)] + " backend " +
           std::to_string(happening.backend) + ", value " + std::to_string(happening.value);
}

Setup setup_of(std::uint32_t seed) {
    std::mt19937 random{seed};
    auto const below = [&](unsigned limit) { return static_cast<unsigned>(random() % limit); };
    Setup setup;
    setup.seed = seed;
    for (unsigned i = 0; i <= below(2); ++i)
        setup.pools.push_back(1 + below(5));
    setup.traffic = below(4) != 0;
    setup.policy.fall = 2 + below(2);
    if (below(4) == 0) setup.policy.damping = 5s;
    if (below(5) == 0) setup.policy.window = Window{3, 5};
    if (below(4) == 0) setup.slow_start = 3s;
    setup.panic_threshold = 50 * below(3);
    return setup;
}

std::vector<Happening> happenings_of(std::uint32_t seed, Setup const& setup) {
    std::mt19937 random{seed ^ 0x5eedU};
    auto const below = [&](unsigned limit) { return static_cast<unsigned>(random() % limit); };
    unsigned backends = 0;
    for (auto const pool : setup.pools)
        backends += pool;
    std::vector<Happening> happenings;
    auto const count = 3 + below(12);
    for (unsigned i = 0; i < count; ++i) {
        Happening one{Duration{1s} + std::chrono::milliseconds{below(duration_of_trouble / 1ms)},
                      static_cast<Kind>(below(names.size())), below(backends), 0};
        if (one.kind == Kind::slow) one.value = below(2) == 0 ? 200 : 2000;
        if (one.kind == Kind::weight || one.kind == Kind::share) one.value = below(300);
        if (one.kind == Kind::ask) one.value = below(2);
        if (one.kind == Kind::stall || one.kind == Kind::restart) one.value = 10 + below(900);
        if (one.kind >= Kind::link && one.kind <= Kind::deafen) one.value = 100 + below(3000);
        happenings.push_back(one);
        if (breaks(one.kind) && below(4) != 0)
            happenings.push_back(
                {one.at + std::chrono::milliseconds{10 + below(4000)}, Kind::revive, one.backend, 0});
    }
    std::ranges::stable_sort(happenings, {}, &Happening::at);
    return happenings;
}

} // namespace pointsman::sim
