#include "controller/plan/maglev_builds.hpp"

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
            entry.id = static_cast<BackendId>(++place);
        found->second = build_maglev(places);
    }
    std::vector<BackendId> ids; // by place, side by side: each is looked up hundreds of times
    ids.reserve(entries.size());
    for (auto const& entry : entries)
        ids.push_back(entry.id);
    auto table = std::make_shared<MaglevTable>(found->second);
    for (auto& slot : table->slots)
        slot = ids[static_cast<std::size_t>(slot) - 1];
    return table;
}

} // namespace pointsman
