#include "controller/model/generation.hpp"

#include <algorithm>

namespace pointsman {
namespace {

template<typename Range, typename Predicate>
auto const* find_or_null(Range const& range, Predicate matches) noexcept {
    auto const found = std::ranges::find_if(range, matches);
    return found == range.end() ? nullptr : &*found;
}

} // namespace

GenerationBackend const* Generation::find(BackendKey const& key) const noexcept {
    for (auto const& block : backends.blocks()) {
        if (block->front()->key.service != key.service) continue;
        auto const* found =
            find_or_null(BackendSpan{*block}, [&](auto const& backend) { return backend.key == key; });
        if (found) return found;
    }
    return nullptr;
}

GenerationBackend const* Generation::find(BackendId id) const noexcept {
    return find_or_null(backends, [&](auto const& backend) { return backend.id == id; });
}

GenerationService const* Generation::find(std::string_view service) const noexcept {
    return find_or_null(services, [&](auto const& candidate) { return candidate.name == service; });
}

SharedBackend const* GenerationLookup::backend(BackendKey const& key, std::size_t expected_at) {
    auto const& backends = generation_.backends;
    if (expected_at < backends.size() && backends[expected_at].key == key)
        return &backends.shared(expected_at);
    if (index_.empty())
        for (std::size_t i = 0; i < backends.size(); ++i)
            index_.emplace(backends[i].key, i);
    auto const found = index_.find(key);
    return found == index_.end() ? nullptr : &backends.shared(found->second);
}

GenerationService const* GenerationLookup::service(std::string_view name,
                                                   std::size_t expected_at) const noexcept {
    auto const& services = generation_.services;
    if (expected_at < services.size() && services[expected_at].name == name) return &services[expected_at];
    return generation_.find(name);
}

std::vector<Link> place_links(std::vector<Link> links) {
    std::array<bool, link_slots> taken{};
    for (auto const& link : links)
        if (link.slot) taken.at(*link.slot) = true;
    for (auto& link : links)
        for (std::uint32_t i = 0; i < link_probes && !link.slot; ++i) {
            auto const slot = (link.ifindex + i) % link_slots;
            if (taken[slot]) continue;
            taken[slot] = true;
            link.slot = slot;
        }
    return links;
}

} // namespace pointsman
