// The decision core under thousands of random histories. A seed that breaks a promise is shrunk to the events
// that it takes, and printed. POINTSMAN_SIM_SEEDS=FIRST-LAST runs others.
#include "tests/sim/world.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <sstream>

namespace pointsman::sim {
namespace {

constexpr std::uint32_t seeds = 3000;

std::optional<std::string> outcome_of(Setup const& setup, std::vector<Happening> const& happenings) {
    return World{setup, happenings}.run();
}

/// Delta debugging (Zeller, Hildebrandt 2002), complements only: leaves out ever smaller pieces for as long
/// as something still breaks.
std::vector<Happening> shrunk(Setup const& setup, std::vector<Happening> happenings) {
    for (std::size_t piece = happenings.size(); piece > 0; piece /= 2)
        for (std::size_t at = 0; at < happenings.size();) {
            auto fewer = happenings;
            auto const first = fewer.begin() + static_cast<std::ptrdiff_t>(at);
            fewer.erase(first, first + static_cast<std::ptrdiff_t>(std::min(piece, fewer.size() - at)));
            if (outcome_of(setup, fewer))
                happenings = fewer;
            else
                at += piece;
        }
    return happenings;
}

std::string story_of(std::uint32_t seed) {
    auto const setup = setup_of(seed);
    auto const few = shrunk(setup, happenings_of(seed, setup));
    std::ostringstream out;
    out << "seed " << seed << ", pools of";
    for (auto const pool : setup.pools)
        out << " " << pool;
    out << (setup.traffic ? "" : ", no traffic") << (setup.policy.window ? ", window" : "")
        << (setup.policy.damping > Duration::zero() ? ", damping" : "")
        << (setup.slow_start > Duration::zero() ? ", slow start" : "") << ", fall " << setup.policy.fall
        << ", panic below " << setup.panic_threshold << " %\n";
    for (auto const& happening : few)
        out << "  " << text(happening) << "\n";
    out << "  broken at " << outcome_of(setup, few).value_or("nothing");
    return out.str();
}

TEST(Simulation, EveryHistoryKeepsWhatIsPromised) {
    std::uint32_t first = 0;
    std::uint32_t last = seeds - 1;
    if (char const* range = std::getenv("POINTSMAN_SIM_SEEDS")) {
        char* rest = nullptr;
        first = last = static_cast<std::uint32_t>(std::strtoul(range, &rest, 10));
        if (*rest == '-') last = static_cast<std::uint32_t>(std::strtoul(rest + 1, nullptr, 10));
    }
    unsigned broken = 0;
    for (auto seed = first; seed <= last && broken < 3; ++seed) {
        auto const setup = setup_of(seed);
        if (!outcome_of(setup, happenings_of(seed, setup))) continue;
        ++broken;
        ADD_FAILURE() << story_of(seed);
    }
}

/// Half a minute in which this process stands still again and again, while one backend takes a good part of
/// its timeout to answer.
std::vector<Happening> pauses_of(std::uint32_t seed) {
    std::mt19937 random{seed};
    auto const between = [&](unsigned from, unsigned to) {
        return from + static_cast<unsigned>(random() % (to - from));
    };
    std::vector<Happening> pauses{{std::chrono::seconds{1}, Happening::Kind::slow, 0, 200}};
    for (unsigned ms = 2000; ms < 20000;) {
        auto const pause = between(10, 900);
        pauses.push_back({std::chrono::milliseconds{ms}, Happening::Kind::stall, 0, pause});
        ms += pause + between(50, 1000);
    }
    return pauses;
}

TEST(Simulation, AProcessThatStandsStillAgainAndAgainJudgesNobodyForIt) {
    sim::Setup setup;
    setup.pools = {3};
    for (setup.seed = 0; setup.seed < 1000; ++setup.seed) {
        setup.policy.fall = 2 + setup.seed % 2;
        EXPECT_EQ(outcome_of(setup, pauses_of(setup.seed)), std::nullopt) << "seed " << setup.seed;
    }
}

} // namespace
} // namespace pointsman::sim
