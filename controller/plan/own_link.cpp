#include "controller/plan/own_link.hpp"

#include <algorithm>

namespace pointsman {
namespace {

bool is_shared(std::uint32_t link, Generation const& generation, Address const& host) {
    return std::any_of(generation.backends.begin(), generation.backends.end(), [&](auto const& other) {
        return other.next_hop && other.next_hop->ifindex == link && other.address != host;
    });
}

} // namespace

CutOff cut_off_by_own_links(Generation const& generation, NetworkView const& view) {
    CutOff cut_off;
    for (auto const& backend : generation.backends) {
        if (!backend.next_hop) continue;
        auto const link = backend.next_hop->ifindex;
        if (view.running_links.contains(link)) continue;
        bool const lacks_carrier = view.links_without_carrier.contains(link);
        if (lacks_carrier && !is_shared(link, generation, backend.address)) continue;
        cut_off.backends.insert(backend.key);
        cut_off.links.insert(link);
    }
    return cut_off;
}

} // namespace pointsman
