#pragma once

#include "controller/model/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace pointsman {

/// Slots of every Maglev table: a prime, as its permutations need. With 100 backends, losing one moves 1.35 %
/// of the other backends' slots.
inline constexpr std::uint32_t maglev_size = 16381;

/// Slot -> place of a backend among those of the service. Services that have the same backends have the same
/// pattern, and share it: it takes 32 KB.
using MaglevPattern = std::vector<std::uint16_t>;

/// Slot -> backend. Slot 0 is the hash's lowest range; empty when no backend is eligible.
class MaglevTable {
public:
    MaglevTable() = default;
    explicit MaglevTable(std::vector<BackendId> const& slots);
    /// @param ids by place; the pattern may leave out some of them.
    MaglevTable(std::shared_ptr<MaglevPattern const> pattern, std::vector<BackendId> ids)
        : pattern_{std::move(pattern)}
        , ids_{std::move(ids)} {}

    [[nodiscard]] std::size_t size() const noexcept { return pattern_ ? pattern_->size() : 0; }
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }
    [[nodiscard]] BackendId operator[](std::size_t slot) const { return ids_[(*pattern_)[slot]]; }
    [[nodiscard]] std::vector<BackendId> slots() const;

    /// nullptr or empty: the table is.
    [[nodiscard]] std::shared_ptr<MaglevPattern const> const& pattern() const noexcept { return pattern_; }
    [[nodiscard]] std::vector<BackendId> const& ids() const noexcept { return ids_; }

    /// Of what the slots lead to.
    friend bool operator==(MaglevTable const& one, MaglevTable const& other);

private:
    std::shared_ptr<MaglevPattern const> pattern_;
    std::vector<BackendId> ids_;
};

/// Tells what differs between patterns, of each two of them once: where services share their backends, most
/// have the same two.
class PatternChanges {
public:
    /// Slots that lead to another place. Both must live as long as this, and be of one size.
    std::vector<std::uint16_t> const& between(MaglevPattern const& was, MaglevPattern const& now);

private:
    std::map<std::pair<MaglevPattern const*, MaglevPattern const*>, std::vector<std::uint16_t>> known_;
};

} // namespace pointsman
