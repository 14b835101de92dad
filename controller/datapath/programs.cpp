#include "controller/datapath/programs.hpp"

#include "bpf/tc.skel.h"
#include "bpf/xdp.skel.h"
#include "controller/datapath/program_load.hpp"

#include <algorithm>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <ctime>
#include <utility>

namespace pointsman {
namespace {

std::function<void(int, std::string)>& libbpf_sink() {
    static std::function<void(int, std::string)> sink;
    return sink;
}

int print_libbpf(libbpf_print_level level, char const* format, va_list arguments) {
    if (!libbpf_sink()) return 0;
    std::array<char, 1024> line{};
    auto const length = std::vsnprintf(line.data(), line.size(), format, arguments);
    std::string text{line.data(), static_cast<std::size_t>(std::clamp(length, 0, 1023))};
    while (text.ends_with('\n'))
        text.pop_back();
    libbpf_sink()(level, std::move(text));
    return length;
}

/// Jiffies a second: the coarse clock advances once a jiffy.
std::uint64_t read_ticks_per_second() {
    timespec resolution{};
    ::clock_getres(CLOCK_MONOTONIC_COARSE, &resolution);
    auto const ns = std::max(resolution.tv_nsec, 1L);
    return static_cast<std::uint64_t>((1'000'000'000L + ns / 2) / ns);
}

std::uint64_t big_endian(std::uint8_t const* octets) {
    std::uint64_t value = 0;
    for (int i = 0; i < 8; ++i)
        value = (value << 8) | octets[i];
    return value;
}

/// A little more than the 60 s for which Linux stays in TIME_WAIT, by a clock that is late.
std::uint32_t time_wait_ticks(std::uint64_t ticks_per_second) {
    return static_cast<std::uint32_t>(ticks_per_second * 60 + PM_SEEN_TICKS);
}

pm_options options_of(DatapathOptions const& options, Room const& room, std::uint64_t ticks_per_second) {
    pm_options out{};
    std::ranges::copy(hash_key_of(options.hash_seed), out.hash_key);
    out.session_sets = room.session_sets;
    out.service_slots = room.service_slots;
    out.services = room.services;
    out.backends = room.backends;
    out.maglev_chunks = room.maglev_chunks;
    out.nat_port_first = options.nat_port_first;
    out.nat_port_count = static_cast<std::uint32_t>(options.nat_port_last - options.nat_port_first + 1);
    out.time_wait_ticks = time_wait_ticks(ticks_per_second);
    return out;
}

[[noreturn]] void refuse_load(int error) {
    auto const cause = std::string{"the kernel refused the BPF programs: "} + std::strerror(error);
    if (error == EPERM || error == EACCES)
        throw DatapathError{cause, "run as root, or with CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON"};
    if (error == ENOMEM || error == E2BIG)
        throw DatapathError{cause, "lower datapath.sessions, datapath.services or datapath.backends"};
    throw DatapathError{
        cause, "Linux 6.1 or newer with BTF is needed; log.level = \"debug\" shows the kernel's words"};
}

/// The kernel updates a link only between programs of one attach type, and libbpf's default for it depends on
/// its version: so it is written down. tc has none, since clsact and tcx run the same program.
void set_attach_type(bpf_object* object) {
    if (auto* const xdp = bpf_object__find_program_by_name(object, "pm_xdp"))
        bpf_program__set_expected_attach_type(xdp, BPF_XDP);
    for (auto const* const name : {"pm_tc", "pm_tc_behind"})
        if (auto* const tc = bpf_object__find_program_by_name(object, name))
            bpf_program__set_expected_attach_type(tc, bpf_attach_type{});
}

/// What is a map of its own to us may be a section of data to libbpf.
bpf_map* find_map(bpf_object* object, std::string const& name) {
    auto* const map = bpf_object__find_map_by_name(object, name.c_str());
    return map ? map : bpf_object__find_map_by_name(object, (".data." + name).c_str());
}

/// Sets sizes, the pins and the options, then loads. Maps that are pinned are taken: by the second object
/// those of the first, by a new daemon those of the last.
void load(bpf_object* object, pm_options* rodata, pm_options const& options, Room const& room,
          std::string const& directory) {
    *rodata = options;
    for (auto const& shape : table_shapes(room, possible_cpus())) {
        auto* const map = find_map(object, shape.name);
        if (!map) continue; // the daemon's own
        bpf_map__set_max_entries(map, static_cast<__u32>(shape.entries));
        bpf_map__set_pin_path(map, (directory + "/" + shape.name).c_str());
    }
    set_attach_type(object);
    for (auto const* const name : {"pm_events", "pm_fragments", "pm_held", "pm_hold"})
        if (auto* const map = bpf_object__find_map_by_name(object, name)) // not each program uses both
            bpf_map__set_pin_path(map, (directory + "/" + name).c_str());
    if (auto const error = bpf_object__load(object); error != 0) refuse_load(-error);
}

} // namespace

void load_program(bpf_object* object, void const* rodata, ProgramOptions const& options) {
    auto const room = Room::of(options.datapath);
    load(object, const_cast<pm_options*>(static_cast<pm_options const*>(rodata)),
         options_of(options.datapath, room, read_ticks_per_second()), room, options.pin_directory);
}

void set_libbpf_log(std::function<void(int, std::string)> sink) {
    libbpf_sink() = std::move(sink);
    libbpf_set_print(print_libbpf);
}

template<>
void Programs::Destroy<pm_xdp_object>::operator()(pm_xdp_object* object) const noexcept {
    pm_xdp_object__destroy(object);
}

template<>
void Programs::Destroy<pm_tc_object>::operator()(pm_tc_object* object) const noexcept {
    pm_tc_object__destroy(object);
}

Programs::Programs(Programs&&) noexcept = default;
Programs::~Programs() = default;

std::array<__u64, 2> hash_key_of(std::array<std::uint8_t, 16> const& seed) noexcept {
    return {big_endian(seed.data()), big_endian(seed.data() + 8)};
}

Programs::Programs(ProgramOptions const& options)
    : room_{Room::of(options.datapath)}
    , ticks_per_second_{read_ticks_per_second()} {
    if (options.xdp) load_xdp(options);
    if (options.tc || options.behind) load_tc(options);
    make_ledger(options.pin_directory, room_);
    maps_.emplace(options.pin_directory, room_);
    event_ring_fd_ = map_fd("pm_events");
    if (control().abi_version == PM_ABI_VERSION) return;
    control().abi_version = PM_ABI_VERSION;
    auto& ledger = maps_->ledger();
    ledger.hash_seed = options.datapath.hash_seed;
    ledger.made_ns = static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

void Programs::load_xdp(ProgramOptions const& options) {
    xdp_.reset(pm_xdp_object__open());
    if (!xdp_) refuse_load(errno);
    xdp_->rodata->generic = options.behind;
    load_program(xdp_->obj, &xdp_->rodata->options, options);
}

void Programs::load_tc(ProgramOptions const& options) {
    tc_.reset(pm_tc_object__open());
    if (!tc_) refuse_load(errno);
    bpf_program__set_autoload(tc_->progs.pm_tc, options.tc);
    bpf_program__set_autoload(tc_->progs.pm_tc_behind, options.behind);
    load_program(tc_->obj, &tc_->rodata->options, options);
}

int Programs::map_fd(char const* name) const {
    return bpf_object__find_map_fd_by_name(xdp_ ? xdp_->obj : tc_->obj, name);
}

int Programs::fd(Hook hook) const {
    switch (hook) {
    case Hook::xdp: return bpf_program__fd(xdp_->progs.pm_xdp);
    case Hook::tc: return bpf_program__fd(tc_->progs.pm_tc);
    case Hook::behind: return bpf_program__fd(tc_->progs.pm_tc_behind);
    }
    std::unreachable();
}

} // namespace pointsman
