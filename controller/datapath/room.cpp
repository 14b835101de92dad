#include "controller/datapath/room.hpp"

#include "controller/model/generation.hpp"

namespace pointsman {

Room Room::of(DatapathOptions const& options) noexcept {
    auto const entries = std::uint64_t{options.sessions} * 2 * 8 /
                         5; // fuller sets evict: 0.03 % of the flows at 61 %, 1.3 % at 80 %
    return {
        .services = options.services + 1,
        .backends = options.backends + 1,
        .service_slots = 65536,
        .maglev_chunks = (maglev_size + PM_MAGLEV_CHUNK - 1) / PM_MAGLEV_CHUNK,
        .session_sets = static_cast<std::uint32_t>((entries + PM_SESSION_WAYS - 1) / PM_SESSION_WAYS),
    };
}

std::uint64_t Room::session_bytes() const noexcept {
    return 2 * std::uint64_t{session_sets} * sizeof(pm_session_set);
}

} // namespace pointsman
