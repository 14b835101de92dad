#pragma once

#include <map>

namespace pointsman {

/// Looks up keys of a map that are asked for in about its own order, at the cost of one comparison each; of
/// any other order at that of `find`. With thousands of backends this is what a plan's time goes into.
template<typename Key, typename Value>
class KeyCursor {
public:
    explicit KeyCursor(std::map<Key, Value> const& map) : map_{map}, next_{map.begin()} {}

    /// nullptr for a key that is missing.
    [[nodiscard]] Value const* find(Key const& key) {
        if (next_ == map_.end() || next_->first != key) next_ = map_.find(key);
        return next_ == map_.end() ? nullptr : &(next_++)->second;
    }

    [[nodiscard]] Value value_or(Key const& key, Value missing) {
        auto const* found = find(key);
        return found ? *found : missing;
    }

private:
    std::map<Key, Value> const& map_;
    typename std::map<Key, Value>::const_iterator next_;
};

} // namespace pointsman
