#include "controller/plan/maglev_builds.hpp"

#include <algorithm>

namespace pointsman {

std::shared_ptr<MaglevPattern const> MaglevMemory::find(MaglevMembers const& members) const {
    auto const found = std::ranges::find(patterns_, members, &decltype(patterns_)::value_type::first);
    return found == patterns_.end() ? nullptr : found->second;
}

void MaglevMemory::keep(MaglevMembers members, std::shared_ptr<MaglevPattern const> pattern) {
    if (patterns_.size() == room) patterns_.pop_front();
    patterns_.emplace_back(std::move(members), std::move(pattern));
}

std::shared_ptr<MaglevPattern const> MaglevBuilds::build(MaglevMembers const& members,
                                                         std::vector<MaglevEntry> const& entries) {
    if (auto known = memory_ ? memory_->find(members) : nullptr) return known;
    auto pattern = build_maglev(entries).pattern();
    if (memory_) memory_->keep(members, pattern);
    return pattern;
}

std::shared_ptr<MaglevTable const> MaglevBuilds::table_of(std::vector<MaglevEntry> const& entries) {
    MaglevMembers members;
    std::vector<BackendId> ids;
    members.reserve(entries.size());
    ids.reserve(entries.size());
    for (auto const& entry : entries) {
        members.emplace_back(entry.identity, entry.weight);
        ids.push_back(entry.id);
    }
    auto const [found, is_new] = built_.try_emplace(std::move(members));
    if (is_new) found->second = build(found->first, entries);
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
