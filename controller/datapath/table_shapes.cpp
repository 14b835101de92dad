#include "controller/datapath/table_shapes.hpp"

#include <algorithm>
#include <bpf/libbpf.h>

namespace pointsman {

std::array<TableShape, 14> table_shapes(Room const& room, std::uint64_t cpus) {
    return {{{"pm_control", sizeof(pm_control), 1},
             {"pm_service_slots", sizeof(pm_service_slot), 2ULL * room.service_slots},
             {"pm_services", sizeof(pm_service), 2ULL * room.services},
             {"pm_maglev", sizeof(pm_maglev_chunk), 2ULL * room.services * room.maglev_chunks},
             {"pm_backends", sizeof(pm_backend), 2ULL * room.backends},
             {"pm_nat_addresses", sizeof(pm_addr), 2ULL * PM_NAT_ADDRESSES},
             {"pm_links", sizeof(pm_link), 2ULL * PM_LINK_SLOTS},
             {"pm_sessions", sizeof(pm_session_set), 2ULL * room.session_sets},
             {"pm_syns", sizeof(pm_syn), PM_SYNS},
             {"pm_port_hints", sizeof(pm_port_hints), PM_PORT_HINT_LINES},
             {"pm_counters", sizeof(pm_counters), cpus * PM_COUNTED_LINKS},
             {"pm_backend_counters", sizeof(pm_backend_counters), cpus * room.backends},
             {"pm_ledger", sizeof(Ledger), 1},
             {"pm_incarnations", sizeof(std::uint64_t), room.backends}}};
}

std::uint64_t possible_cpus() {
    return static_cast<std::uint64_t>(std::max(1, libbpf_num_possible_cpus()));
}

} // namespace pointsman
