#include "controller/plan/service_table.hpp"

#include <algorithm>

namespace pointsman {
namespace {

std::vector<GenerationBackend const*> takers_among(std::span<GenerationBackend const> backends) {
    std::vector<GenerationBackend const*> takers;
    takers.reserve(backends.size());
    for (auto const& backend : backends)
        if (backend.eligible) takers.push_back(&backend);
    return takers;
}

} // namespace

std::vector<MaglevEntry> maglev_entries(std::span<GenerationBackend const> backends,
                                        std::array<std::uint8_t, 16> const& seed) {
    std::vector<MaglevEntry> entries;
    for (auto const& backend : backends)
        if (backend.eligible)
            entries.push_back(
                {backend.id, identity_of(backend.address, backend.port, seed), backend.slot_weight()});
    return entries;
}

bool fill_same_table(std::span<GenerationBackend const> was, std::span<GenerationBackend const> now) {
    auto const is_same = [](GenerationBackend const* one, GenerationBackend const* other) {
        return one->id == other->id && one->address == other->address && one->port == other->port &&
               one->slot_weight() == other->slot_weight();
    };
    return std::ranges::equal(takers_among(was), takers_among(now), is_same);
}

} // namespace pointsman
