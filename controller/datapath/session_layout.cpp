#include "controller/datapath/session_layout.hpp"

#include "controller/datapath/session_flow.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

namespace pointsman {
namespace {

/// How the entries of one ABI become those of ours. Sets of all of these have equal sizes and tags, hashes,
/// ages and states in the same places.
struct Layout {
    std::uint32_t abi;
    void (*read)(Session& session, std::uint64_t opened_now) noexcept;
};

void read_current(Session&, std::uint64_t) noexcept {}

/// The backend's number had 32 bits, and the stamp of the first packet 32: the latest moment that it can mean
/// is taken.
void read_abi_3(Session& session, std::uint64_t opened_now) noexcept {
    std::uint32_t backend = 0;
    static_assert(offsetof(pm_session, backend) == 24 && offsetof(pm_session, incarnation) == 28);
    auto const* const octets = reinterpret_cast<std::byte const*>(static_cast<pm_session const*>(&session));
    std::memcpy(&backend, octets + offsetof(pm_session, backend), sizeof(backend));
    auto const wrapped = session.opened_low > static_cast<std::uint32_t>(opened_now);
    session.backend = static_cast<__u16>(backend);
    session.opened_high = static_cast<__u16>((opened_now >> 32) - (wrapped ? 1 : 0));
}

constexpr std::array<Layout, 2> layouts{{{3, read_abi_3}, {PM_ABI_VERSION, read_current}}};

Layout const* layout_of(std::uint32_t abi) noexcept {
    auto const found = std::ranges::find(layouts, abi, &Layout::abi);
    return found == layouts.end() ? nullptr : &*found;
}

} // namespace

bool has_session_layout(std::uint32_t abi) noexcept {
    return layout_of(abi) != nullptr;
}

bool convert(Session& session, SessionConversion const& conversion, TableHalf const& tables) noexcept {
    auto const* const layout = layout_of(conversion.abi);
    if (!layout) return false;
    layout->read(session, conversion.opened_now);
    if (!conversion.hash_key) return true;
    auto const flow = flow_of(session, tables);
    if (!flow) return false;
    auto const hash = pm_flow_hash(&*flow, conversion.hash_key->data());
    session.tag = pm_session_tag(hash);
    session.hash_high = static_cast<__u32>(hash >> 32);
    return true;
}

} // namespace pointsman
