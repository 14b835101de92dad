#include "controller/model/maglev_table.hpp"

#include <map>

namespace pointsman {

MaglevTable::MaglevTable(std::vector<BackendId> const& slots) {
    std::map<BackendId, std::uint16_t> places;
    MaglevPattern pattern;
    pattern.reserve(slots.size());
    for (auto const id : slots) {
        auto const [place, is_new] = places.try_emplace(id, static_cast<std::uint16_t>(ids_.size()));
        if (is_new) ids_.push_back(id);
        pattern.push_back(place->second);
    }
    pattern_ = std::make_shared<MaglevPattern const>(std::move(pattern));
}

std::vector<BackendId> MaglevTable::slots() const {
    std::vector<BackendId> slots;
    slots.reserve(size());
    for (std::size_t slot = 0; slot < size(); ++slot)
        slots.push_back((*this)[slot]);
    return slots;
}

std::vector<std::uint16_t> const& PatternChanges::between(MaglevPattern const& was,
                                                          MaglevPattern const& now) {
    auto const [known, is_new] = known_.try_emplace({&was, &now});
    for (std::size_t slot = 0; is_new && slot < now.size(); ++slot)
        if (was[slot] != now[slot]) known->second.push_back(static_cast<std::uint16_t>(slot));
    return known->second;
}

bool operator==(MaglevTable const& one, MaglevTable const& other) {
    if (one.ids_ == other.ids_ && one.pattern_ == other.pattern_) return true;
    return one.slots() == other.slots();
}

} // namespace pointsman
