#include "controller/plan/plan_scope.hpp"

#include <algorithm>
#include <numeric>

namespace pointsman {
namespace {

/// Keys of the scope's backends of one service.
std::vector<BackendKey const*> keys_of(std::set<BackendKey> const& backends, std::string const& service) {
    std::vector<BackendKey const*> keys;
    for (auto at = backends.lower_bound({service, {}}); at != backends.end() && at->service == service; ++at)
        keys.push_back(&*at);
    return keys;
}

/// Are those that are looked at where, and what, they are in the current generation?
bool stand_there(PlanScope const& scope, PlaceSearch& search, Service const& wanted, BackendSpan known) {
    if (wanted.backends.size() != known.size()) return false;
    auto const places = search.places_in(wanted.name, known);
    auto const is_same = [&](std::size_t place) {
        auto const& backend = wanted.backends[place];
        return known[place].key == BackendKey{wanted.name, backend.name} &&
               same_backend(known[place], backend);
    };
    auto const looked_at = scope.backends ? keys_of(*scope.backends, wanted.name).size() : known.size();
    return places.size() == looked_at && std::ranges::all_of(places, is_same);
}

} // namespace

bool same_service(GenerationService const& known, Service const& wanted) noexcept {
    return known.address == wanted.address && known.port_first == wanted.port_first &&
           known.port_last == wanted.port_last && known.protocol == wanted.protocol &&
           known.forward == wanted.forward && known.source == wanted.source;
}

bool same_backend(GenerationBackend const& known, Backend const& wanted) noexcept {
    return known.address == wanted.address && known.port == wanted.port;
}

std::optional<std::size_t> PlaceSearch::place_of(BackendKey const& key, BackendSpan backends) {
    if (last_ < backends.size() && backends[last_].key == key) return last_;
    auto const is_it = [&](auto const& backend) { // all have the service's name, which is compared last
        return backend.key.backend == key.backend && backend.key.service == key.service;
    };
    auto const found = std::ranges::find_if(backends, is_it);
    if (found == backends.end()) return std::nullopt;
    last_ = static_cast<std::size_t>(std::ranges::distance(backends.begin(), found));
    return last_;
}

std::vector<std::size_t> PlaceSearch::places_in(std::string const& service, BackendSpan backends) {
    std::vector<std::size_t> places;
    if (!scope_.backends) {
        places.resize(backends.size());
        std::iota(places.begin(), places.end(), std::size_t{0});
        return places;
    }
    for (auto const* key : keys_of(*scope_.backends, service))
        if (auto const place = place_of(*key, backends)) places.push_back(*place);
    return places;
}

PlanScope const* narrowed(PlanInput const& input, Generation const& current) {
    auto const& wanted = input.desired.services;
    if (!input.only || wanted.size() != current.services.size()) return nullptr;
    PlaceSearch search{*input.only};
    std::size_t found = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        auto const& known = current.services[i];
        if (wanted[i].name != known.name) return nullptr;
        if (!input.only->services.contains(known.name)) continue;
        ++found;
        if (!same_service(known, wanted[i]) ||
            !stand_there(*input.only, search, wanted[i], current.backends.of(known.id)))
            return nullptr;
    }
    return found == input.only->services.size() ? input.only : nullptr;
}

} // namespace pointsman
