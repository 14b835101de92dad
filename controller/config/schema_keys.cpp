#include "controller/config/schema.hpp"
#include "controller/config/schema_check_keys.hpp"
#include "controller/config/schema_service_keys.hpp"
#include "controller/config/schema_units.hpp"

#include <iterator>

namespace pointsman {
namespace {

using enum KeyKind;
using namespace units;

constexpr KeySpec keys[] = {
    {.group = "daemon",
     .name = "control",
     .kind = socket_path,
     .fallback = R"("/run/pointsman/control.sock")",
     .doc = "Unix socket, mode 0660, through which the commands talk to the daemon."},
    {.group = "daemon",
     .name = "http",
     .kind = endpoint,
     .absent = "off",
     .doc = "Where /metrics, /healthz, /readyz, a status page and the read-only API are served, without "
            "encryption or login."},
    {.group = "daemon",
     .name = "state_dir",
     .kind = path,
     .fallback = R"("/var/lib/pointsman")",
     .doc = "Directory of state.json: names, health and orders, for the next daemon."},
    {.group = "daemon",
     .name = "bpffs",
     .kind = path,
     .fallback = R"("/sys/fs/bpf/pointsman")",
     .doc = "Directory on a bpffs where programs, links and maps are pinned."},
    {.group = "daemon",
     .name = "detach_on_exit",
     .kind = boolean,
     .fallback = "true",
     .doc = "On SIGTERM, true removes the datapath; false lets it go on forwarding by the last "
            "generation, and the next daemon takes it over."},

    {.group = "log",
     .name = "level",
     .kind = choice,
     .fallback = R"("info")",
     .choices = "error warning info debug",
     .doc = "Least serious message that is logged to stderr."},
    {.group = "log",
     .name = "format",
     .kind = choice,
     .fallback = R"("text")",
     .choices = "text json",
     .doc = "Log lines for people, or one JSON object a line."},
    {.group = "log",
     .name = "audit",
     .kind = path,
     .fallback = R"("/var/log/pointsman/audit.jsonl")",
     .doc = "File to which every decision is appended with its evidence, one JSON object a line."},

    {.group = "datapath",
     .name = "interfaces",
     .kind = interface_list,
     .required = true,
     .doc = "Network interfaces on which clients' packets and backends' answers arrive."},
    {.group = "datapath",
     .name = "attach",
     .kind = choice,
     .fallback = R"("auto")",
     .choices = "auto native generic tc",
     .doc = "Hook for the program: XDP in the driver (native), XDP in the stack (generic), tc, or whichever "
            "suits each "
            "interface (auto)."},
    {.group = "datapath",
     .name = "sessions",
     .kind = integer,
     .fallback = "262144",
     .smallest = 1024,
     .largest = 16777216,
     .unit = "flows",
     .doc = "Room for flows whose backend is remembered; fixed at start."},
    {.group = "datapath",
     .name = "services",
     .kind = integer,
     .fallback = "256",
     .smallest = 1,
     .largest = 4096,
     .unit = "services",
     .doc = "Room for services; fixed at start, so leave space for later reloads."},
    {.group = "datapath",
     .name = "backends",
     .kind = integer,
     .fallback = "4096",
     .smallest = 1,
     .largest = 65535,
     .unit = "backends",
     .doc = "Room for the backends of all services; fixed at start, so leave space for later reloads."},
    {.group = "datapath",
     .name = "nat_addresses",
     .kind = address_list,
     .absent = "the address the kernel would use towards each backend",
     .doc = "This host's addresses that backends see as the source of every flow."},
    {.group = "datapath",
     .name = "tunnel_sources",
     .kind = prefix_list,
     .absent = "as nat_addresses",
     .doc = "ipip: prefixes, one for IPv4 and one for IPv6, out of which each flow has an outer source "
            "address, so that "
            "receivers spread flows over their queues."},
    {.group = "datapath",
     .name = "nat_ports",
     .kind = port_range,
     .fallback = R"("1024-32767")",
     .unit = "ports",
     .doc =
         "Source ports towards backends; must not meet the host's ephemeral range, from which the host's own "
         "connections to the same backends take theirs."},
    {.group = "datapath",
     .name = "hash_seed",
     .kind = hash_seed,
     .fallback = R"("706f696e74736d616e20736565642031")",
     .doc = "Seed of the Maglev tables; the same on every node, so that all choose the same backend for a "
            "flow."},

    {.group = "health",
     .name = "interval",
     .kind = duration,
     .fallback = R"("1s")",
     .smallest = 5 * millisecond,
     .largest = hour,
     .unit = "time",
     .doc = "Pause between probes of a backend that is up and unsuspected."},
    {.group = "health",
     .name = "fast_interval",
     .kind = duration,
     .fallback = R"("25ms")",
     .smallest = 5 * millisecond,
     .largest = hour,
     .unit = "time",
     .doc = "Pause between probes while a backend is in transition and after passive evidence against it."},
    {.group = "health",
     .name = "down_interval",
     .kind = duration,
     .fallback = R"("1s")",
     .smallest = 5 * millisecond,
     .largest = hour,
     .unit = "time",
     .doc = "Pause between probes of a backend that is down."},
    {.group = "health",
     .name = "timeout",
     .kind = duration,
     .fallback = R"("500ms")",
     .smallest = millisecond,
     .largest = 60 * second,
     .unit = "time",
     .doc = "Limit of one probe in total: connection, TLS, request and answer."},
    {.group = "health",
     .name = "rise",
     .kind = integer,
     .fallback = "2",
     .smallest = 1,
     .largest = 100,
     .unit = "probes",
     .doc = "Passed probes in a row until a backend that is down is up."},
    {.group = "health",
     .name = "fall",
     .kind = integer,
     .fallback = "3",
     .smallest = 1,
     .largest = 100,
     .unit = "probes",
     .doc = "Failed probes in a row until a backend that is up is down."},
    {.group = "health",
     .name = "window",
     .kind = window,
     .absent = "off, `fall` decides",
     .unit = "probes",
     .doc = "In place of `fall`: so many failed probes among so many newest ones take a backend down."},
    {.group = "health",
     .name = "init",
     .kind = choice,
     .fallback = R"("down")",
     .choices = "down up last",
     .doc =
         "What a backend is taken for until its first probe has ended; last: as before it was taken out of "
         "probing."},
    {.group = "health",
     .name = "passive",
     .kind = choice,
     .fallback = R"("probe")",
     .choices = "probe eject replace off",
     .doc = "What failing connections of clients do: ask for a probe, eject by themselves as well, or "
            "nothing; replace: ask, and connections that succeed take the place of tcp probes."},
    {.group = "health",
     .name = "damping",
     .kind = duration,
     .fallback = R"("0s")",
     .smallest = 0,
     .largest = hour,
     .unit = "time",
     .doc = "Half-life of the penalty for going down, which keeps a flapping backend out; 0s: no penalty."},

    {.group = "backend",
     .name = "name",
     .kind = name,
     .required = true,
     .doc = "What commands, log, metrics and audit trail call the backend; unique in its service."},
    {.group = "backend",
     .name = "address",
     .kind = address,
     .required = true,
     .doc = "Address of the backend; of the same family as the service's, unless it is the far end of a "
            "tunnel."},
    {.group = "backend",
     .name = "port",
     .kind = integer,
     .absent = "the service's; with several, the one that the client sent to",
     .smallest = 1,
     .largest = 65535,
     .unit = "port",
     .doc = "Port on which the backend listens; forward other than nat changes none."},
    {.group = "backend",
     .name = "weight",
     .kind = integer,
     .fallback = "100",
     .smallest = 0,
     .largest = 65535,
     .unit = "relative",
     .doc = "Share of new flows relative to the other backends; 0: none."},
    {.group = "backend",
     .name = "backup",
     .kind = boolean,
     .fallback = "false",
     .doc = "A reserve: takes flows only while no other backend is eligible."},
};

constexpr TableSpec tables[] = {
    {.path = "daemon", .header = "[daemon]", .groups = "daemon"},
    {.path = "log", .header = "[log]", .groups = "log"},
    {.path = "datapath", .header = "[datapath]", .groups = "datapath"},
    {.path = "health", .header = "[health]", .groups = "health"},
    {.path = "service", .header = "[[service]]", .repeated = true, .groups = "service"},
    {.path = "service.check", .header = "[service.check]", .groups = "check health"},
    {.path = "service.backend", .header = "[[service.backend]]", .repeated = true, .groups = "backend"},
    {.path = "service.backend.check", .header = "[service.backend.check]", .groups = "check health"},
};

} // namespace

std::span<KeySpec const> all_keys() noexcept {
    static std::vector<KeySpec> const joined = [] {
        std::vector<KeySpec> all{std::begin(keys), std::end(keys)};
        all.insert(all.end(), std::begin(service_keys), std::end(service_keys));
        all.insert(all.end(), std::begin(check_keys), std::end(check_keys));
        return all;
    }();
    return joined;
}
std::span<TableSpec const> all_tables() noexcept {
    return tables;
}

} // namespace pointsman
