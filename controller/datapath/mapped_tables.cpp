#include "controller/datapath/mapped_tables.hpp"

#include "controller/datapath/bpf_fs.hpp"

#include <bpf/bpf.h>
#include <cerrno>

namespace pointsman {
namespace {

template<typename Value>
MappedArray<Value> mapped(std::string const& directory, char const* name, std::size_t entries) {
    auto const path = directory + "/" + name;
    OwnedFd const map = open_pin(path, PinKind::map); // the mapping keeps the map alive
    if (!map) throw DatapathError{path + " is missing", detach_remedy()};
    return {map.get(), entries};
}

void make(std::string const& path, char const* name, std::uint32_t value_size, std::uint32_t entries) {
    if (open_pin(path, PinKind::map)) return;
    LIBBPF_OPTS(bpf_map_create_opts, options);
    options.map_flags = BPF_F_MMAPABLE;
    OwnedFd const map{
        bpf_map_create(BPF_MAP_TYPE_ARRAY, name, sizeof(std::uint32_t), value_size, entries, &options)};
    if (!map || bpf_obj_pin(map.get(), path.c_str()) != 0)
        throw DatapathError{"cannot make " + path + ": " + std::strerror(errno),
                            "run as root, or with CAP_BPF"};
}

} // namespace

MappedTables::MappedTables(std::string const& directory, Room const& room)
    : room_{room}
    , control_{mapped<pm_control>(directory, "pm_control", 1)}
    , slots_{mapped<pm_service_slot>(directory, "pm_service_slots", 2 * room.service_slots)}
    , services_{mapped<pm_service>(directory, "pm_services", 2 * room.services)}
    , maglev_{mapped<pm_maglev_chunk>(directory, "pm_maglev",
                                      std::size_t{2} * room.services * room.maglev_chunks)}
    , backends_{mapped<pm_backend>(directory, "pm_backends", 2 * room.backends)}
    , nat_addresses_{mapped<pm_addr>(directory, "pm_nat_addresses", 2 * PM_NAT_ADDRESSES)}
    , links_{mapped<pm_link>(directory, "pm_links", 2 * PM_LINK_SLOTS)}
    , sessions_{mapped<pm_session_set>(directory, "pm_sessions", std::size_t{2} * room.session_sets)}
    , counters_{mapped<pm_counters>(directory, "pm_counters", possible_cpus() * PM_COUNTED_LINKS)}
    , backend_counters_{mapped<pm_backend_counters>(directory, "pm_backend_counters",
                                                    possible_cpus() * room.backends)}
    , ledger_{mapped<Ledger>(directory, "pm_ledger", 1)}
    , incarnations_{mapped<std::uint64_t>(directory, "pm_incarnations", room.backends)} {}

TableHalf MappedTables::tables(unsigned half) const noexcept {
    return {slots_.half(half),         services_.half(half), maglev_.half(half), backends_.half(half),
            nat_addresses_.half(half), links_.half(half),    room_.maglev_chunks};
}

void make_ledger(std::string const& directory, Room const& room) {
    make(directory + "/pm_ledger", "pm_ledger", sizeof(Ledger), 1);
    make(directory + "/pm_incarnations", "pm_incarnations", sizeof(std::uint64_t), room.backends);
}

} // namespace pointsman
