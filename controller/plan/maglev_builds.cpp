#include "controller/plan/maglev_builds.hpp"

namespace pointsman {

std::shared_ptr<MaglevTable const> MaglevBuilds::table_of(std::vector<MaglevEntry> const& entries) {
    Backends backends;
    std::vector<BackendId> ids;
    backends.reserve(entries.size());
    ids.reserve(entries.size());
    for (auto const& entry : entries) {
        backends.emplace_back(entry.identity, entry.weight);
        ids.push_back(entry.id);
    }
    auto const [found, is_new] = built_.try_emplace(std::move(backends));
    if (is_new) found->second = build_maglev(entries).pattern();
    return std::make_shared<MaglevTable const>(found->second, std::move(ids));
}

std::optional<std::shared_ptr<MaglevPattern const>> MaglevBuilds::after(TableChange const& change) const {
    auto const found = after_.find(change);
    return found == after_.end() ? std::nullopt : std::optional{found->second};
}

void MaglevBuilds::note(TableChange change, std::shared_ptr<MaglevPattern const> pattern) {
    after_.insert_or_assign(std::move(change), std::move(pattern));
}

} // namespace pointsman
