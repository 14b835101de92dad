#include "controller/plan/maglev.hpp"

#include <algorithm>
#include <cstring>

namespace pointsman {
namespace {

/// splitmix64's finaliser (Steele et al., OOPSLA 2014).
constexpr std::uint64_t mix(std::uint64_t value) noexcept {
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
    return value ^ (value >> 31);
}

std::uint64_t big_endian(std::span<std::uint8_t const, 8> octets) noexcept {
    std::uint64_t value = 0;
    for (auto const octet : octets)
        value = (value << 8) | octet;
    return value;
}

/// A backend's walk through the slots: every slot once, since the size is prime.
struct Walk {
    std::uint16_t place;
    std::uint64_t identity;
    std::uint32_t next;
    std::uint32_t skip;
    std::uint64_t weight;
    std::uint64_t credit = 0;

    std::uint32_t step() noexcept {
        auto const slot = next;
        next += skip;
        if (next >= maglev_size) next -= maglev_size;
        return slot;
    }
};

std::vector<Walk> walks_of(std::span<MaglevEntry const> entries) {
    std::vector<Walk> walks;
    for (std::uint16_t place = 0; auto const& entry : entries) {
        auto const its = place++;
        if (entry.weight == 0) continue;
        auto const offset = static_cast<std::uint32_t>(mix(entry.identity) % maglev_size);
        auto const skip = static_cast<std::uint32_t>(mix(~entry.identity) % (maglev_size - 1)) + 1;
        walks.push_back({its, entry.identity, offset, skip, entry.weight});
    }
    std::ranges::sort(walks, {}, &Walk::identity);
    return walks;
}

} // namespace

std::uint64_t identity_of(Address const& address, std::uint16_t port,
                          std::array<std::uint8_t, 16> const& seed) noexcept {
    std::span const octets{address.octets()};
    std::span const key{seed};
    auto hash = mix(big_endian(key.first<8>()) ^ big_endian(octets.first<8>()));
    hash = mix(hash ^ big_endian(octets.last<8>()));
    return mix(hash ^ big_endian(key.last<8>()) ^ port);
}

MaglevTable build_maglev(std::span<MaglevEntry const> entries) {
    auto walks = walks_of(entries);
    if (walks.empty()) return {};
    auto const heaviest = std::ranges::max(walks, {}, &Walk::weight).weight;
    constexpr std::uint16_t nobody = 0xffff;
    MaglevPattern pattern(maglev_size, nobody);
    for (std::uint32_t filled = 0; filled < maglev_size;) {
        for (auto& walk : walks) {
            walk.credit += walk.weight;
            if (walk.credit < heaviest) continue;
            walk.credit -= heaviest;
            auto slot = walk.step();
            while (pattern[slot] != nobody)
                slot = walk.step();
            pattern[slot] = walk.place;
            if (++filled == maglev_size) break;
        }
    }
    std::vector<BackendId> ids;
    ids.reserve(entries.size());
    std::ranges::transform(entries, std::back_inserter(ids), &MaglevEntry::id);
    return {std::make_shared<MaglevPattern const>(std::move(pattern)), std::move(ids)};
}

std::uint32_t slots_moved(MaglevTable const& was, MaglevTable const& now) {
    auto const backend_at = [](MaglevTable const& table, std::size_t slot) {
        return slot < table.size() ? table[slot] : BackendId::none;
    };
    std::uint32_t moved = 0;
    for (std::size_t slot = 0; slot < std::max(was.size(), now.size()); ++slot)
        moved += backend_at(was, slot) != backend_at(now, slot);
    return moved;
}

} // namespace pointsman
