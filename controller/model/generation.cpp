#include "controller/model/generation.hpp"

#include <algorithm>

namespace pointsman {
namespace {

template <typename Range, typename Predicate>
auto const* find_or_null(Range const& range, Predicate matches) noexcept {
    auto const found = std::ranges::find_if(range, matches);
    return found == range.end() ? nullptr : &*found;
}

} // namespace

GenerationBackend const* Generation::find(BackendKey const& key) const noexcept {
    return find_or_null(backends, [&](auto const& backend) { return backend.key == key; });
}

GenerationBackend const* Generation::find(BackendId id) const noexcept {
    return find_or_null(backends, [&](auto const& backend) { return backend.id == id; });
}

GenerationService const* Generation::find(std::string_view service) const noexcept {
    return find_or_null(services, [&](auto const& candidate) { return candidate.name == service; });
}

} // namespace pointsman
