#include "controller/cli/doctor_findings.hpp"

#include "controller/datapath/attachment.hpp"
#include "controller/datapath/occupants.hpp"
#include "controller/datapath/room.hpp"
#include "controller/model/names.hpp"

#include <algorithm>

namespace pointsman {
namespace {

using enum Finding::Severity;

constexpr unsigned cap_net_admin = 12;
constexpr unsigned cap_perfmon = 38;
constexpr unsigned cap_bpf = 39;
/// A page less XDP's head-room, the tail of a socket buffer and the Ethernet header.
constexpr std::uint32_t largest_native_mtu = 4096 - 256 - 320 - 14;
constexpr std::uint16_t fewest_ephemeral_ports = 4096;

/// Collects the findings of one examination.
class Examination {
public:
    Examination(DesiredState const& desired, DoctorFacts const& facts) : desired_{desired}, facts_{facts} {}

    std::vector<Finding> run() && {
        kernel();
        capabilities();
        bpffs();
        grace_period();
        memory();
        clock();
        for (auto const& name : desired_.datapath.interfaces)
            interface(name);
        ephemeral_ports();
        conntrack();
        for (auto const& service : desired_.services)
            service_address(service);
        for (auto const& service : desired_.services)
            for (auto const& backend : service.backends)
                way_to(service, backend);
        return std::move(findings_);
    }

private:
    void well(std::string check, std::string what) {
        findings_.push_back({std::move(check), ok, std::move(what), {}, {}});
    }

    void add(Finding finding) { findings_.push_back(std::move(finding)); }

    void kernel() {
        auto const text =
            "Linux " + std::to_string(facts_.kernel_major) + "." + std::to_string(facts_.kernel_minor);
        if (std::pair{facts_.kernel_major, facts_.kernel_minor} >= std::pair{6U, 1U})
            return well("kernel", text);
        add({"kernel", error, text + " is older than 6.1", "the programs and their mapped tables need it",
             "upgrade the kernel"});
    }

    void capabilities() {
        std::string lacking;
        for (auto const& [number, name] :
             {std::pair{cap_net_admin, "CAP_NET_ADMIN"}, {cap_perfmon, "CAP_PERFMON"}, {cap_bpf, "CAP_BPF"}})
            if (!facts_.capabilities.contains(number))
                lacking += (lacking.empty() ? "" : ", ") + std::string{name};
        if (lacking.empty()) return well("capabilities", "this user may load and attach the programs");
        add({"capabilities", warning, "this user lacks " + lacking,
             "a daemon of this user cannot load the programs; other checks may see less",
             "run as root, or give the unit AmbientCapabilities=" + lacking});
    }

    void bpffs() {
        if (facts_.bpffs_mounted) return well("bpffs", "a BPF file system holds " + desired_.daemon.bpffs);
        Finding found{"bpffs", error, "there is no BPF file system above " + desired_.daemon.bpffs,
                      "programs and tables are pinned there so that they outlive the daemon",
                      "mount -t bpf bpf /sys/fs/bpf"};
        if (desired_.daemon.bpffs.starts_with("/sys/fs/bpf/")) {
            found.apply = {"mount", "-t", "bpf", "bpf", "/sys/fs/bpf"};
            found.undo = {"umount", "/sys/fs/bpf"};
        }
        add(std::move(found));
    }

    void grace_period() {
        if (facts_.membarrier_global) return well("grace_period", "the kernel offers membarrier");
        add({"grace_period", warning, "the kernel refuses MEMBARRIER_CMD_GLOBAL (nohz_full?)",
             "a failover right after another one waits 200 ms instead of some 20",
             "boot without nohz_full if that matters"});
    }

    void memory() {
        auto const needed = Room::of(desired_.datapath).session_bytes();
        auto const text = "the session table takes " + std::to_string(needed >> 20) + " MiB";
        if (facts_.memory_available == 0 || needed < facts_.memory_available / 2) return well("memory", text);
        add({"memory", needed < facts_.memory_available ? warning : error,
             text + " of " + std::to_string(facts_.memory_available >> 20) + " MiB that are available",
             "the tables are allocated whole at start", "lower datapath.sessions, or add memory"});
    }

    void clock() {
        if (facts_.clock_synchronized) return well("clock", "the clock is synchronized");
        add({"clock", warning, "the clock is not synchronized",
             "the audit trail's times cannot be compared with other machines'",
             "systemctl enable --now systemd-timesyncd"});
    }

    void interface(std::string const& name) {
        auto const found = std::ranges::find(facts_.interfaces, name, &Interface::name);
        if (found == facts_.interfaces.end())
            return add({"interface", error, "there is no interface " + name, "the daemon does not start",
                        "correct datapath.interfaces (ip link shows all)"});
        if (!found->up)
            add({"interface",
                 error,
                 name + " is down",
                 "no packet arrives",
                 "ip link set dev " + name + " up",
                 {"ip", "link", "set", "dev", name, "up"},
                 {"ip", "link", "set", "dev", name, "down"}});
        auto const choice = choose_attach(desired_.datapath.attach, *found);
        if (found->up) well("interface", name + " is up, attach " + std::string{name_of(choice.attach)});
        if (choice.attach == Attach::native && found->mtu > largest_native_mtu)
            add({"mtu", choice.may_fall_back ? warning : error,
                 name + " has an MTU of " + std::to_string(found->mtu),
                 "native XDP takes frames of one page: " + std::to_string(largest_native_mtu) +
                     " at the most",
                 "ip link set dev " + name + " mtu " + std::to_string(largest_native_mtu) +
                     ", or datapath.attach = \"tc\""});
        occupant(name, choice);
        tcx_neighbours(name, choice);
    }

    void occupant(std::string const& name, AttachChoice const& choice) {
        auto const program = facts_.xdp.find(name);
        if (program == facts_.xdp.end() || program->second == own_xdp_program) return;
        auto const clashes = choice.hook() == Hook::xdp;
        add({"xdp", clashes ? error : warning,
             name + " has an XDP program of somebody else: " + program->second,
             clashes ? "an interface takes one XDP program: the daemon does not start"
                     : "it sees every packet before Pointsman does",
             clashes ? "remove it, or set datapath.attach = \"tc\""
                     : "make sure that it passes the services' packets"});
    }

    /// Several tcx programs share a hook: no error, but a reason why packets do not arrive.
    void tcx_neighbours(std::string const& name, AttachChoice const& choice) {
        auto const programs = facts_.tcx.find(name);
        if (choice.attach == Attach::native || programs == facts_.tcx.end()) return;
        std::string others;
        for (auto const& program : programs->second)
            if (program != own_tc_program && program != own_program_behind && program != own_probe_program)
                others += (others.empty() ? "" : ", ") + program;
        if (others.empty()) return;
        add({"tcx", warning, name + " has tc programs of somebody else: " + others,
             "those before Pointsman's may take or change the services' packets",
             "make sure that they pass them (bpftool net show dev " + name + ")"});
    }

    void ephemeral_ports() {
        auto const& datapath = desired_.datapath;
        auto const first = facts_.host.ephemeral_first;
        auto const last = facts_.host.ephemeral_last;
        auto const range = std::to_string(first) + "-" + std::to_string(last);
        auto const nat =
            std::to_string(datapath.nat_port_first) + "-" + std::to_string(datapath.nat_port_last);
        if (datapath.nat_port_first > last || datapath.nat_port_last < first)
            return well("ephemeral_ports",
                        "nat_ports " + nat + " and the host's own ports " + range + " do not meet");
        Finding found{"ephemeral_ports", error, "nat_ports " + nat + " meets the host's own ports " + range,
                      "a connection of this host to a backend could have the ports of a client's flow",
                      "change datapath.nat_ports or net.ipv4.ip_local_port_range"};
        if (last > datapath.nat_port_last + fewest_ephemeral_ports) {
            auto const key = std::string{"net.ipv4.ip_local_port_range="};
            auto const apart = std::to_string(datapath.nat_port_last + 1) + " " + std::to_string(last);
            found.fix = "sysctl -w " + key + "'" + apart + "'";
            found.apply = {"sysctl", "-w", key + apart};
            found.undo = {"sysctl", "-w", key + std::to_string(first) + " " + std::to_string(last)};
        }
        add(std::move(found));
    }

    /// Forwarded packets never meet connection tracking; the probes do.
    void conntrack() {
        if (facts_.conntrack_max == 0) return;
        auto const text = std::to_string(facts_.conntrack_count) + " of " +
                          std::to_string(facts_.conntrack_max) + " tracked connections";
        if (facts_.conntrack_count * 10 < facts_.conntrack_max * 9) return well("conntrack", text);
        auto const key = std::string{"net.netfilter.nf_conntrack_max="};
        add({"conntrack",
             warning,
             text + ": nearly full",
             "when it is full the kernel drops the probes, and backends that are well are taken down",
             "sysctl -w " + key + std::to_string(facts_.conntrack_max * 2),
             {"sysctl", "-w", key + std::to_string(facts_.conntrack_max * 2)},
             {"sysctl", "-w", key + std::to_string(facts_.conntrack_max)}});
    }

    /// An address in a network that an interface is on must be answered for by somebody.
    void service_address(Service const& service) {
        auto const text = service.name + ": " + service.address.text();
        auto const is_own = [&](HostAddress const& own) { return own.address == service.address; };
        if (std::ranges::any_of(facts_.addresses, is_own))
            return well("service_address", text + " is an address of this host");
        auto const near = std::ranges::find_if(
            facts_.addresses, [&](HostAddress const& own) { return same_network(own, service.address); });
        if (near == facts_.addresses.end())
            return well("service_address", text + " must be routed to this host");
        auto const with_prefix = service.address.text() + (service.address.is_v4() ? "/32" : "/128");
        add({"service_address",
             warning,
             text + " is in the network of " + near->interface + " but no address of this host",
             "hosts of that network ask for its MAC address and nobody answers; only those with a route "
             "through "
             "this host reach it",
             "ip address add " + with_prefix + " dev lo",
             {"ip", "address", "add", with_prefix, "dev", "lo"},
             {"ip", "address", "del", with_prefix, "dev", "lo"}});
    }

    static bool same_network(HostAddress const& own, Address const& address) {
        if (own.address.is_v4() != address.is_v4() || own.interface == "lo") return false;
        auto const bits = own.prefix + (own.address.is_v4() ? 96U : 0U);
        for (unsigned bit = 0; bit < bits; ++bit) {
            auto const mask = 0x80U >> bit % 8;
            if ((own.address.octets()[bit / 8] & mask) != (address.octets()[bit / 8] & mask)) return false;
        }
        return true;
    }

    void way_to(Service const& service, Backend const& backend) {
        auto const text = service.name + "/" + backend.name + " at " + backend.address.text();
        auto const route = facts_.routes.find(backend.address);
        if (route != facts_.routes.end() && route->second.next_hop)
            return well("backend", text + ": next hop resolved");
        if (route == facts_.routes.end() || !route->second.source)
            return add({"backend", error, text + ": no route", "it takes no flows",
                        "add a route (ip route get " + backend.address.text() + ")"});
        add({"backend", error, text + ": nobody answers for its MAC address",
             "it takes no flows; the host is down, or the address is this host's own",
             "ping " + backend.address.text() + "; ip neighbour show to " + backend.address.text()});
    }

    DesiredState const& desired_;
    DoctorFacts const& facts_;
    std::vector<Finding> findings_;
};

} // namespace

std::vector<Finding> examine(DesiredState const& desired, DoctorFacts const& facts) {
    return Examination{desired, facts}.run();
}

bool has_errors(std::vector<Finding> const& findings) {
    return std::ranges::any_of(findings, [](Finding const& finding) { return finding.severity == error; });
}

} // namespace pointsman
