#include "controller/datapath/table_sets.hpp"

#include "controller/datapath/error.hpp"
#include "controller/datapath/mapped_tables.hpp"
#include "controller/datapath/session_layout.hpp"

#include <algorithm>
#include <bpf/bpf.h>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace pointsman {
namespace {

namespace fs = std::filesystem;

constexpr char const* current_name = "/current";
constexpr std::string_view set_prefix = "tables-";

unsigned number_of(std::string const& directory) {
    auto const name = fs::path{directory}.filename().string();
    return static_cast<unsigned>(std::strtoul(name.c_str() + set_prefix.size(), nullptr, 10));
}

/// Every `tables-N`, by number.
std::vector<std::string> directories_of(PinDirectory const& pins) {
    std::vector<std::string> found;
    for (auto const& entry : fs::directory_iterator{pins.path()})
        if (entry.path().filename().string().starts_with(set_prefix)) found.push_back(entry.path());
    std::ranges::sort(found, {}, number_of);
    return found;
}

std::string next_directory(PinDirectory const& pins) {
    auto const found = directories_of(pins);
    auto const number = found.empty() ? 1 : number_of(found.back()) + 1;
    return pins.path() + "/" + std::string{set_prefix} + std::to_string(number);
}

/// Empty when there is no `current`.
std::string current_of(PinDirectory const& pins) {
    std::error_code none;
    auto const target = fs::read_symlink(pins.path() + current_name, none).string();
    if (target.empty()) return {};
    if (!target.starts_with(set_prefix) || target.find('/') != target.npos)
        throw DatapathError{pins.path() + current_name + " leads to " + target +
                                ", which is not of Pointsman",
                            detach_remedy()};
    return pins.path() + "/" + target;
}

bpf_map_info info_of(int map, std::string const& path) {
    bpf_map_info info{};
    __u32 length = sizeof(info);
    if (bpf_obj_get_info_by_fd(map, &info, &length) != 0)
        throw DatapathError{"cannot examine " + path + ": " + std::strerror(errno), "run as root"};
    return info;
}

bpf_map_info info_of_pin(std::string const& path) {
    OwnedFd const map = open_pin(path, PinKind::map);
    if (!map) throw DatapathError{path + " is missing", detach_remedy()};
    return info_of(map.get(), path);
}

std::string shape_text(std::uint64_t value_size, std::uint64_t entries) {
    return std::to_string(entries) + " entries of " + std::to_string(value_size) + " octets";
}

[[noreturn]] void refuse_shape(std::string const& path, bpf_map_info const& found, TableShape const& wanted) {
    auto const other_type = found.type != BPF_MAP_TYPE_ARRAY || found.key_size != sizeof(std::uint32_t) ||
                            (found.map_flags & BPF_F_MMAPABLE) == 0;
    throw DatapathError{
        path + " does not fit: " +
            (other_type ? "it is no memory-mapped array" : shape_text(found.value_size, found.max_entries)) +
            " instead of " + shape_text(wanted.value_size, wanted.entries),
        detach_remedy()};
}

bool fits(bpf_map_info const& found, TableShape const& wanted) {
    return found.type == BPF_MAP_TYPE_ARRAY && found.key_size == sizeof(std::uint32_t) &&
           found.value_size == wanted.value_size && found.max_entries == wanted.entries &&
           (found.map_flags & BPF_F_MMAPABLE) != 0;
}

/// Sizes as the maps have them; whether they agree with each other is checked after.
Room room_of(std::string const& directory) {
    auto const entries = [&](char const* name) { return info_of_pin(directory + "/" + name).max_entries; };
    Room room;
    room.services = entries("pm_services") / 2;
    room.backends = entries("pm_backends") / 2;
    room.service_slots = entries("pm_service_slots") / 2;
    room.maglev_chunks = room.services == 0 ? 0 : entries("pm_maglev") / 2 / room.services;
    room.session_sets = entries("pm_sessions") / 2;
    return room;
}

/// The ABI of the maps, before anything else of them is believed.
std::uint32_t abi_of(std::string const& directory) {
    auto const path = directory + "/pm_control";
    auto const info = info_of_pin(path);
    TableShape const shape{"pm_control", sizeof(pm_control), 1};
    if (!fits(info, shape)) refuse_shape(path, info, shape);
    OwnedFd const map = open_pin(path, PinKind::map);
    return MappedArray<pm_control>{map.get(), 1}.all().front().abi_version;
}

void check_ring(std::string const& path, std::uint32_t octets) {
    auto const found = info_of_pin(path);
    if (found.type == BPF_MAP_TYPE_RINGBUF && found.max_entries == octets) return;
    throw DatapathError{path + " does not fit: it is no ring buffer of " + std::to_string(octets) + " octets",
                        detach_remedy()};
}

/// Maps that came in later builds of ABI 4, and are made where they are missing.
void check_held(std::string const& directory) {
    if (auto const ring = directory + "/pm_held"; fs::exists(ring)) check_ring(ring, PM_HELD_RING_BYTES);
    TableShape const hold{"pm_hold", sizeof(pm_hold), 1};
    auto const path = directory + "/" + hold.name;
    if (!fs::exists(path)) return;
    if (auto const found = info_of_pin(path); !fits(found, hold)) refuse_shape(path, found, hold);
}

void check_fragments(std::string const& path) {
    auto const found = info_of_pin(path);
    if (found.type == BPF_MAP_TYPE_LRU_HASH && found.max_entries == PM_FRAGMENTED &&
        found.key_size == sizeof(pm_fragment_key) && found.value_size == sizeof(pm_session))
        return;
    throw DatapathError{path + " does not fit: it is no LRU hash of " +
                            shape_text(sizeof(pm_fragment_key) + sizeof(pm_session), PM_FRAGMENTED),
                        detach_remedy()};
}

/// Maps that ABI 3 did not have: it left the fragments to each program, and kept no SYNs. The hints came in
/// later builds of ABI 4, and are made where they are missing.
bool has_map(std::string const& directory, std::uint32_t abi, std::string_view name) {
    if (name == "pm_port_hints") return fs::exists(directory + "/pm_port_hints");
    return abi > 3 || (name != "pm_fragments" && name != "pm_syns");
}

void check_shapes(std::string const& directory, Room const& room, std::uint32_t abi) {
    for (auto const& shape : table_shapes(room, possible_cpus())) {
        if (!has_map(directory, abi, shape.name)) continue;
        auto const path = directory + "/" + shape.name;
        if (auto const found = info_of_pin(path); !fits(found, shape)) refuse_shape(path, found, shape);
    }
    check_ring(directory + "/pm_events", PM_EVENT_RING_BYTES);
    check_held(directory);
    if (has_map(directory, abi, "pm_fragments")) check_fragments(directory + "/pm_fragments");
}

/// @return nothing for an ABI that we do not know.
std::optional<FoundTables> read_set(std::string const& directory) {
    auto const abi = abi_of(directory);
    if (!has_session_layout(abi)) return std::nullopt;
    FoundTables found{directory, abi, room_of(directory), {}};
    check_shapes(directory, found.room, abi);
    found.hash_seed = MappedTables{directory, found.room}.ledger().hash_seed;
    return found;
}

/// For tables of which nothing is needed if they do not fit: of another ABI, or removed by a daemon that was
/// killed at it.
std::optional<FoundTables> read_older(std::string const& directory) {
    try {
        return read_set(directory);
    } catch (DatapathError const&) {
        return std::nullopt;
    }
}

std::string difference(Room const& was, Room const& now) {
    std::string text;
    auto const add = [&](char const* what, std::uint32_t before, std::uint32_t after) {
        if (before == after) return;
        text += (text.empty() ? "" : ", ") + std::string{what} + " " + std::to_string(before) + " -> " +
                std::to_string(after);
    };
    add("session sets", was.session_sets, now.session_sets);
    add("services", was.services, now.services);
    add("backends", was.backends, now.backends);
    add("service slots", was.service_slots, now.service_slots);
    add("Maglev chunks", was.maglev_chunks, now.maglev_chunks);
    return text;
}

/// Has anything been attached by whoever was here before?
bool has_links(PinDirectory const& pins) {
    for (auto const& entry : fs::directory_iterator{pins.path()})
        if (entry.is_regular_file() && !entry.path().filename().string().starts_with("pm_")) return true;
    return false;
}

/// Why the tables cannot be used as they are; empty when they can.
std::string misfit(FoundTables const& found, Room const& wanted,
                   std::array<std::uint8_t, 16> const& hash_seed) {
    std::string text;
    auto const add = [&](std::string const& reason) { text += (text.empty() ? "" : "; ") + reason; };
    if (found.abi != PM_ABI_VERSION)
        add("they are of another version (ABI " + std::to_string(found.abi) + " -> " +
            std::to_string(PM_ABI_VERSION) + ")");
    if (found.hash_seed != hash_seed) add("datapath.hash_seed differs");
    if (found.room != wanted) add("other sizes: " + difference(found.room, wanted));
    return text;
}

void decide(TableSets& sets, Room const& wanted, std::array<std::uint8_t, 16> const& hash_seed) {
    if (!sets.now) {
        sets.takeover = Takeover::replaced;
        sets.why =
            "they are of a version that is not known (ABI other than " + std::to_string(PM_ABI_VERSION) + ")";
        return;
    }
    sets.why = misfit(*sets.now, wanted, hash_seed);
    if (sets.why.empty())
        sets.takeover = Takeover::same;
    else if (sets.now->abi == PM_ABI_VERSION && sets.now->hash_seed == hash_seed)
        sets.takeover = Takeover::resized;
    else
        sets.takeover = Takeover::translated;
}

} // namespace

std::string_view name_of(Takeover takeover) noexcept {
    switch (takeover) {
    case Takeover::fresh: return "fresh";
    case Takeover::same: return "same";
    case Takeover::resized: return "resized";
    case Takeover::translated: return "translated";
    case Takeover::replaced: return "replaced";
    }
    std::unreachable();
}

TableSets find_tables(PinDirectory const& pins, Room const& wanted,
                      std::array<std::uint8_t, 16> const& hash_seed) {
    TableSets sets;
    auto const current = current_of(pins);
    if (!current.empty()) {
        sets.now = abi_of(current) == PM_ABI_VERSION ? read_set(current) : read_older(current);
        decide(sets, wanted, hash_seed);
    } else if (has_links(pins)) {
        sets.takeover = Takeover::replaced;
        sets.why = "no directory of tables is marked as current";
    }
    std::error_code ignored;
    for (auto const& directory : directories_of(pins)) {
        if (directory == current) continue;
        if (current.empty() || number_of(directory) > number_of(current)) {
            fs::remove_all(directory, ignored); // was being made
            continue;
        }
        auto const older = read_older(directory);
        if (older && sets.now) sets.older.push_back(*older);
    }
    sets.directory = sets.takeover == Takeover::same ? current : next_directory(pins);
    if (carries_sessions(sets.takeover)) sets.older.insert(sets.older.begin(), *sets.now);
    if (sets.takeover == Takeover::replaced) sets.older.clear();
    if (sets.takeover != Takeover::same && ::mkdir(sets.directory.c_str(), 0700) != 0)
        throw DatapathError{"cannot create " + sets.directory + ": " + std::strerror(errno), "run as root"};
    return sets;
}

void make_current(PinDirectory const& pins, TableSets const& sets) {
    auto const name = fs::path{sets.directory}.filename().string();
    auto const made = pins.path() + "/current-next";
    ::unlink(made.c_str());
    if (::symlink(name.c_str(), made.c_str()) != 0 ||
        ::rename(made.c_str(), (pins.path() + current_name).c_str()) != 0)
        throw DatapathError{"cannot mark " + sets.directory + " as current: " + std::strerror(errno),
                            "run as root"};
}

void remove_older_tables(PinDirectory const& pins, TableSets const& sets) {
    std::error_code ignored;
    for (auto const& directory : directories_of(pins))
        if (directory != sets.directory) fs::remove_all(directory, ignored);
}

} // namespace pointsman
