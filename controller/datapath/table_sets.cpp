#include "controller/datapath/table_sets.hpp"

#include "controller/datapath/error.hpp"
#include "controller/datapath/mapped_tables.hpp"

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

void check_shapes(std::string const& directory, Room const& room) {
    for (auto const& shape : table_shapes(room, possible_cpus())) {
        auto const path = directory + "/" + shape.name;
        if (auto const found = info_of_pin(path); !fits(found, shape)) refuse_shape(path, found, shape);
    }
    auto const ring = directory + "/pm_events";
    auto const found = info_of_pin(ring);
    if (found.type == BPF_MAP_TYPE_RINGBUF && found.max_entries == PM_EVENT_RING_BYTES) return;
    throw DatapathError{ring + " does not fit: it is no ring buffer of " +
                            std::to_string(PM_EVENT_RING_BYTES) + " octets",
                        detach_remedy()};
}

/// @return nothing for another ABI.
std::optional<FoundTables> read_set(std::string const& directory) {
    if (abi_of(directory) != PM_ABI_VERSION) return std::nullopt;
    FoundTables found{directory, room_of(directory), {}};
    check_shapes(directory, found.room);
    found.hash_seed = MappedTables{directory, found.room}.ledger().hash_seed;
    return found;
}

/// One that is being removed, by a daemon that was killed at it, has nothing that is still needed.
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

void decide(TableSets& sets, Room const& wanted, std::array<std::uint8_t, 16> const& hash_seed) {
    if (!sets.now) {
        sets.takeover = Takeover::replaced;
        sets.why = "they are of another version (ABI other than " + std::to_string(PM_ABI_VERSION) + ")";
    } else if (sets.now->hash_seed != hash_seed) {
        sets.takeover = Takeover::replaced;
        sets.why = "datapath.hash_seed differs";
    } else if (sets.now->room == wanted) {
        sets.takeover = Takeover::same;
    } else {
        sets.takeover = Takeover::resized;
        sets.why = "other sizes: " + difference(sets.now->room, wanted);
    }
}

} // namespace

std::string_view name_of(Takeover takeover) noexcept {
    switch (takeover) {
    case Takeover::fresh: return "fresh";
    case Takeover::same: return "same";
    case Takeover::resized: return "resized";
    case Takeover::replaced: return "replaced";
    }
    std::unreachable();
}

TableSets find_tables(PinDirectory const& pins, Room const& wanted,
                      std::array<std::uint8_t, 16> const& hash_seed) {
    TableSets sets;
    auto const current = current_of(pins);
    if (!current.empty()) {
        sets.now = read_set(current);
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
        if (older && sets.now && older->hash_seed == sets.now->hash_seed) sets.older.push_back(*older);
    }
    sets.directory = sets.takeover == Takeover::same ? current : next_directory(pins);
    if (sets.takeover == Takeover::resized) sets.older.insert(sets.older.begin(), *sets.now);
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
