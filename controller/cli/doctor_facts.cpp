#include "controller/cli/doctor_facts.hpp"

#include "controller/datapath/error.hpp"
#include "controller/datapath/netlink.hpp"
#include "controller/datapath/network.hpp"
#include "controller/datapath/occupants.hpp"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <ifaddrs.h>
#include <linux/magic.h>
#include <linux/membarrier.h>
#include <memory>
#include <netinet/in.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <thread>
#include <unistd.h>

namespace pointsman {
namespace {

using namespace std::chrono_literals;

constexpr auto resolve_patience = 1s;
constexpr auto resolve_interval = 50ms;

std::uint64_t number_in(char const* path) {
    std::uint64_t number = 0;
    std::ifstream{path} >> number;
    return number;
}

/// "CapEff:\t000001ffffffffff" of /proc/self/status, "MemAvailable: 123 kB" of /proc/meminfo.
std::string line_of(char const* path, std::string const& key) {
    std::ifstream file{path};
    for (std::string line; std::getline(file, line);)
        if (line.starts_with(key)) return line.substr(key.size());
    return {};
}

std::set<unsigned> read_capabilities() {
    auto const text = line_of("/proc/self/status", "CapEff:");
    auto const mask = text.empty() ? 0 : std::stoull(text, nullptr, 16);
    std::set<unsigned> capabilities;
    for (unsigned number = 0; number < 64; ++number)
        if (mask >> number & 1) capabilities.insert(number);
    return capabilities;
}

bool is_clock_synchronized() {
    timex clock{};
    return ::adjtimex(&clock) != TIME_ERROR && (clock.status & STA_UNSYNC) == 0;
}

bool is_bpffs_above(std::string const& path) {
    struct statfs info {};
    auto const parent = std::filesystem::path{path}.parent_path();
    return ::statfs(parent.c_str(), &info) == 0 && info.f_type == BPF_FS_MAGIC;
}

bool has_membarrier() {
    auto const commands = ::syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);
    return commands > 0 && (commands & MEMBARRIER_CMD_GLOBAL) != 0;
}

/// Of a netmask of either family.
template<typename Octets>
unsigned prefix_of(Octets const& octets) {
    unsigned bits = 0;
    for (auto const octet : octets)
        bits += static_cast<unsigned>(std::popcount(static_cast<unsigned char>(octet)));
    return bits;
}

std::optional<HostAddress> host_address(ifaddrs const& entry) {
    if (!entry.ifa_addr || !entry.ifa_netmask) return std::nullopt;
    if (entry.ifa_addr->sa_family == AF_INET) {
        auto const& address = reinterpret_cast<sockaddr_in const&>(*entry.ifa_addr).sin_addr;
        auto const& mask = reinterpret_cast<sockaddr_in const&>(*entry.ifa_netmask).sin_addr;
        return HostAddress{entry.ifa_name, Address::v4(ntohl(address.s_addr)),
                           static_cast<unsigned>(std::popcount(mask.s_addr))};
    }
    if (entry.ifa_addr->sa_family != AF_INET6) return std::nullopt;
    auto const& address = reinterpret_cast<sockaddr_in6 const&>(*entry.ifa_addr).sin6_addr;
    auto const& mask = reinterpret_cast<sockaddr_in6 const&>(*entry.ifa_netmask).sin6_addr;
    std::array<std::uint8_t, 16> octets{};
    std::ranges::copy(address.s6_addr, octets.begin());
    return HostAddress{entry.ifa_name, Address::from_octets(octets), prefix_of(mask.s6_addr)};
}

struct FreeAddresses {
    void operator()(ifaddrs* list) const { ::freeifaddrs(list); }
};

std::vector<HostAddress> read_addresses() {
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0) return {};
    std::unique_ptr<ifaddrs, FreeAddresses> const owner{list};
    std::vector<HostAddress> addresses;
    for (auto const* entry = list; entry; entry = entry->ifa_next)
        if (auto address = host_address(*entry)) addresses.push_back(std::move(*address));
    return addresses;
}

/// Neighbours that were idle for long take an exchange of packets to be resolved.
std::map<Address, Route> read_routes(DesiredState const& desired) {
    std::set<Address> wanted;
    for (auto const& service : desired.services)
        for (auto const& backend : service.backends)
            wanted.insert(backend.address);
    Network network;
    auto const deadline = std::chrono::steady_clock::now() + resolve_patience;
    for (;;) {
        auto view = network.read(wanted, desired.datapath.interfaces);
        auto const resolved = std::ranges::all_of(
            view.routes, [](auto const& entry) { return entry.second.next_hop || !entry.second.source; });
        if (resolved || std::chrono::steady_clock::now() >= deadline) return std::move(view.routes);
        std::this_thread::sleep_for(resolve_interval);
    }
}

} // namespace

DoctorFacts read_doctor_facts(DesiredState const& desired) {
    DoctorFacts facts;
    utsname kernel{};
    ::uname(&kernel);
    std::sscanf(kernel.release, "%u.%u", &facts.kernel_major, &facts.kernel_minor);
    facts.bpffs_mounted = is_bpffs_above(desired.daemon.bpffs);
    facts.capabilities = read_capabilities();
    facts.membarrier_global = has_membarrier();
    facts.clock_synchronized = is_clock_synchronized();
    if (auto const memory = line_of("/proc/meminfo", "MemAvailable:"); !memory.empty())
        facts.memory_available = std::stoull(memory) * 1024;
    facts.conntrack_count = number_in("/proc/sys/net/netfilter/nf_conntrack_count");
    facts.conntrack_max = number_in("/proc/sys/net/netfilter/nf_conntrack_max");
    facts.host = read_host_facts();
    Netlink netlink;
    facts.interfaces = read_interfaces(netlink);
    for (auto const& interface : facts.interfaces) {
        if (auto program = xdp_occupant(interface.ifindex); !program.empty())
            facts.xdp[interface.name] = std::move(program);
        facts.tcx[interface.name] = tcx_occupants(interface.ifindex);
    }
    facts.addresses = read_addresses();
    facts.routes = read_routes(desired);
    return facts;
}

} // namespace pointsman
