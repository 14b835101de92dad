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
    BackendId id;
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
    for (auto const& entry : entries) {
        if (entry.weight == 0) continue;
        auto const offset = static_cast<std::uint32_t>(mix(entry.identity) % maglev_size);
        auto const skip = static_cast<std::uint32_t>(mix(~entry.identity) % (maglev_size - 1)) + 1;
        walks.push_back({entry.id, entry.identity, offset, skip, entry.weight});
    }
    std::ranges::sort(walks, {}, &Walk::identity);
    return walks;
}

constexpr std::size_t compared_at_once = 64; ///< a known number, so that it takes vector instructions

std::uint32_t taken_among(std::span<BackendId const> slots) noexcept {
    return static_cast<std::uint32_t>(slots.size()) -
           static_cast<std::uint32_t>(std::ranges::count(slots, BackendId::none));
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
    MaglevTable table;
    table.slots.assign(maglev_size, BackendId::none);
    for (std::uint32_t filled = 0; filled < maglev_size;) {
        for (auto& walk : walks) {
            walk.credit += walk.weight;
            if (walk.credit < heaviest) continue;
            walk.credit -= heaviest;
            auto slot = walk.step();
            while (table.slots[slot] != BackendId::none)
                slot = walk.step();
            table.slots[slot] = walk.id;
            if (++filled == maglev_size) break;
        }
    }
    return table;
}

std::uint32_t slots_moved(MaglevTable const& was, MaglevTable const& now) noexcept {
    std::span const before{was.slots};
    std::span const after{now.slots};
    auto const common = std::min(before.size(), after.size());
    std::uint32_t moved = 0;
    std::size_t i = 0;
    for (; i + compared_at_once <= common; i += compared_at_once)
        for (std::size_t k = i; k < i + compared_at_once; ++k)
            moved += before[k] != after[k];
    for (; i < common; ++i)
        moved += before[i] != after[i];
    return moved + taken_among(before.subspan(common)) + taken_among(after.subspan(common));
}

} // namespace pointsman
