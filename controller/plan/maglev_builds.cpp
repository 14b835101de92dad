#include "controller/plan/maglev_builds.hpp"

#include <algorithm>

namespace pointsman {

std::shared_ptr<MaglevTable const> MaglevBuilds::table_of(std::vector<MaglevEntry> const& entries) {
    Pattern pattern;
    for (auto const& entry : entries)
        pattern.emplace_back(entry.identity, entry.weight);
    auto const [found, is_new] = built_.try_emplace(std::move(pattern));
    if (is_new) {
        auto places = entries;
        std::uint32_t place = 0;
        for (auto& entry : places)
            entry.id = BackendId{++place};
        found->second = build_maglev(places);
    }
    auto const& slots = found->second.slots;
    auto table = std::make_shared<MaglevTable>();
    table->slots.resize(slots.size());
    std::ranges::transform(slots, table->slots.begin(),
                           [&](BackendId place) { return entries[static_cast<std::size_t>(place) - 1].id; });
    return table;
}

} // namespace pointsman
