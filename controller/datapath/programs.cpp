#include "controller/datapath/programs.hpp"

#include "bpf/tc.skel.h"
#include "bpf/xdp.skel.h"

#include <algorithm>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <ctime>

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
    out.embryonic_ticks = static_cast<std::uint32_t>(ticks_per_second * 30);
    return out;
}

struct MapSize {
    char const* name;
    std::uint64_t entries;
};

std::array<MapSize, 10> sizes_of(Room const& room, std::uint64_t cpus) {
    return {{{"pm_control", 1},
             {"pm_service_slots", 2ULL * room.service_slots},
             {"pm_services", 2ULL * room.services},
             {"pm_maglev", 2ULL * room.services * room.maglev_chunks},
             {"pm_backends", 2ULL * room.backends},
             {"pm_nat_addresses", 2ULL * PM_NAT_ADDRESSES},
             {"pm_links", 2ULL * PM_LINK_SLOTS},
             {"pm_sessions", 2ULL * room.session_sets},
             {"pm_counters", cpus},
             {"pm_backend_counters", cpus * room.backends}}};
}

std::uint64_t possible_cpus() {
    return static_cast<std::uint64_t>(std::max(1, libbpf_num_possible_cpus()));
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

/// Sets sizes, the pins and the options, then loads. The second object takes the pinned maps of the first.
void load(bpf_object* object, pm_options* rodata, pm_options const& options, Room const& room,
          std::string const& directory) {
    *rodata = options;
    for (auto const& [name, entries] : sizes_of(room, possible_cpus())) {
        auto* const map = bpf_object__find_map_by_name(object, name);
        bpf_map__set_max_entries(map, static_cast<__u32>(entries));
        bpf_map__set_pin_path(map, (directory + "/" + name).c_str());
    }
    bpf_map__set_pin_path(bpf_object__find_map_by_name(object, "pm_events"),
                          (directory + "/pm_events").c_str());
    if (auto const error = bpf_object__load(object); error != 0) refuse_load(-error);
}

} // namespace

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
    if (options.tc) load_tc(options);
    map_all(xdp_ ? xdp_->obj : tc_->obj);
    control().abi_version = PM_ABI_VERSION;
}

void Programs::load_xdp(ProgramOptions const& options) {
    xdp_.reset(pm_xdp_object__open());
    if (!xdp_) refuse_load(errno);
    load(xdp_->obj, const_cast<pm_options*>(reinterpret_cast<pm_options const*>(&xdp_->rodata->options)),
         options_of(options.datapath, room_, ticks_per_second_), room_, options.pin_directory);
}

void Programs::load_tc(ProgramOptions const& options) {
    tc_.reset(pm_tc_object__open());
    if (!tc_) refuse_load(errno);
    load(tc_->obj, const_cast<pm_options*>(reinterpret_cast<pm_options const*>(&tc_->rodata->options)),
         options_of(options.datapath, room_, ticks_per_second_), room_, options.pin_directory);
}

void Programs::map_all(void* bpf_object) {
    auto* const object = static_cast<struct bpf_object*>(bpf_object);
    auto const fd_of = [&](char const* name) { return bpf_object__find_map_fd_by_name(object, name); };
    auto const cpus = possible_cpus();
    control_ = {fd_of("pm_control"), 1};
    slots_ = {fd_of("pm_service_slots"), 2 * room_.service_slots};
    services_ = {fd_of("pm_services"), 2 * room_.services};
    maglev_ = {fd_of("pm_maglev"), std::size_t{2} * room_.services * room_.maglev_chunks};
    backends_ = {fd_of("pm_backends"), 2 * room_.backends};
    nat_addresses_ = {fd_of("pm_nat_addresses"), 2 * PM_NAT_ADDRESSES};
    links_ = {fd_of("pm_links"), 2 * PM_LINK_SLOTS};
    sessions_ = {fd_of("pm_sessions"), std::size_t{2} * room_.session_sets};
    counters_ = {fd_of("pm_counters"), cpus};
    backend_counters_ = {fd_of("pm_backend_counters"), cpus * room_.backends};
    event_ring_fd_ = fd_of("pm_events");
}

int Programs::fd(Hook hook) const {
    return hook == Hook::xdp ? bpf_program__fd(xdp_->progs.pm_xdp) : bpf_program__fd(tc_->progs.pm_tc);
}

TableHalf Programs::tables(unsigned half) const noexcept {
    return {slots_.half(half),         services_.half(half), maglev_.half(half), backends_.half(half),
            nat_addresses_.half(half), links_.half(half),    room_.maglev_chunks};
}

} // namespace pointsman
