#pragma once

#include "controller/model/state.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

namespace pointsman {

/// Values by backend, in the order of their keys. One of thousands is found by its hash: a tree takes a dozen
/// steps, half of them to memory that has left the caches. Keys neither come nor go.
template<typename Value>
class KeyTable {
public:
    using Entry = std::pair<BackendKey, Value>;
    using Iterator = typename std::vector<Entry>::iterator;
    using ConstIterator = typename std::vector<Entry>::const_iterator;

    KeyTable() = default;
    explicit KeyTable(std::map<BackendKey, Value> entries) {
        entries_.reserve(entries.size());
        places_.reserve(entries.size());
        for (auto& [key, value] : entries) {
            places_.emplace(hash_of(key), entries_.size());
            entries_.emplace_back(key, std::move(value));
        }
    }

    [[nodiscard]] Value* find(BackendKey const& key) {
        return const_cast<Value*>(std::as_const(*this).find(key));
    }
    [[nodiscard]] Value const* find(BackendKey const& key) const {
        auto const [from, to] = places_.equal_range(hash_of(key));
        auto const found =
            std::find_if(from, to, [&](auto const& each) { return entries_[each.second].first == key; });
        return found == to ? nullptr : &entries_[found->second].second;
    }

    /// The first that is not before the key.
    [[nodiscard]] Iterator from(BackendKey const& key) {
        return std::ranges::lower_bound(entries_, key, {}, &Entry::first);
    }
    [[nodiscard]] ConstIterator from(BackendKey const& key) const {
        return std::ranges::lower_bound(entries_, key, {}, &Entry::first);
    }
    [[nodiscard]] Iterator begin() noexcept { return entries_.begin(); }
    [[nodiscard]] Iterator end() noexcept { return entries_.end(); }
    [[nodiscard]] ConstIterator begin() const noexcept { return entries_.begin(); }
    [[nodiscard]] ConstIterator end() const noexcept { return entries_.end(); }

private:
    [[nodiscard]] static std::size_t hash_of(BackendKey const& key) noexcept {
        std::hash<std::string> const hash;
        return hash(key.service) * 31 + hash(key.backend);
    }

    std::vector<Entry> entries_;
    std::unordered_multimap<std::size_t, std::size_t> places_; ///< by hash: index of the entry
};

} // namespace pointsman
