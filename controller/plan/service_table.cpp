#include "controller/plan/service_table.hpp"

#include <algorithm>

namespace pointsman {

namespace {

std::vector<GenerationBackend const*> takers_among(BackendSpan backends) {
    std::vector<GenerationBackend const*> takers;
    takers.reserve(backends.size());
    for (auto const& backend : backends)
        if (backend.eligible) takers.push_back(&backend);
    return takers;
}

} // namespace

MaglevEntry maglev_entry(GenerationBackend const& backend, std::array<std::uint8_t, 16> const& seed) {
    return {backend.id, identity_of(backend.address, backend.port, seed),
            backend.eligible ? backend.slot_weight() : 0};
}

std::vector<MaglevEntry> maglev_entries(BackendSpan backends, std::array<std::uint8_t, 16> const& seed) {
    std::vector<MaglevEntry> entries;
    entries.reserve(backends.size());
    for (auto const& backend : backends)
        entries.push_back(maglev_entry(backend, seed));
    return entries;
}

bool fill_same_table(BackendSpan was, BackendSpan now) {
    auto const is_same = [](GenerationBackend const* one, GenerationBackend const* other) {
        return one == other || (one->id == other->id && one->address == other->address &&
                                one->port == other->port && one->slot_weight() == other->slot_weight());
    };
    return std::ranges::equal(takers_among(was), takers_among(now), is_same);
}

} // namespace pointsman
