#include "controller/config/read_state.hpp"

#include "controller/config/read_check.hpp"
#include "controller/config/read_check_tables.hpp"
#include "controller/config/suggest.hpp"

#include <algorithm>
#include <iterator>

namespace pointsman {
namespace {

std::string hint_for_unknown_at_top(toml::key const& key, toml::node const& node) {
    for (TableSpec const& table : all_tables())
        if (!node.is_table() && find_key(table, key.str()) != nullptr)
            return "`" + std::string{key.str()} + "` belongs in " + std::string{table.header};
    auto const suggestion = nearest(key.str(), subtables_of(""));
    return suggestion.empty() ? "" : "did you mean `" + std::string{suggestion} + "`?";
}

void check_top(toml::table const& root, Problems& problems) {
    auto const known = subtables_of("");
    for (auto const& [key, node] : root) {
        if (std::ranges::count(known, key.str()) > 0) continue;
        bool const is_table = node.is_table() || node.is_array_of_tables();
        problems.error(place_of(key.source()),
                       std::string{"unknown "} + (is_table ? "table" : "key") + " `" +
                           printable(key.str(), 64) + "`" + (is_table ? "" : " outside of any table"),
                       hint_for_unknown_at_top(key, node));
    }
}

void report_wrong_shape(toml::node const& node, TableSpec const& spec, Problems& problems) {
    problems.error(place_of(node.source()),
                   "`" + std::string{spec.path} + "` must be " +
                       (spec.repeated ? "an array of tables" : "a table") + ", found " +
                       std::string{type_of(node)},
                   "write " + std::string{spec.header});
}

/// Null when the parent has no such table.
toml::table const* find_table(toml::table const& parent, TableSpec const& spec, Problems& problems) {
    auto const* node = parent.get(spec.path.substr(spec.path.rfind('.') + 1));
    if (node != nullptr && !node->is_table()) report_wrong_shape(*node, spec, problems);
    return node == nullptr ? nullptr : node->as_table();
}

std::vector<toml::table const*> find_tables(toml::table const& parent, TableSpec const& spec,
                                            Problems& problems) {
    std::vector<toml::table const*> tables;
    auto const* node = parent.get(spec.path.substr(spec.path.rfind('.') + 1));
    if (node == nullptr) return tables;
    auto const* array = node->as_array();
    if (array == nullptr || !(array->empty() || array->is_array_of_tables())) {
        report_wrong_shape(*node, spec, problems);
        return tables;
    }
    for (toml::node const& element : *array)
        tables.push_back(element.as_table());
    return tables;
}

/// The name that messages use; empty when there is none to use.
std::string name_in(toml::table const& table) {
    auto const* name = table.get_as<std::string>("name");
    return name == nullptr ? "" : printable(name->get(), 64);
}

void read_daemon(TableReader const& in, DaemonOptions& out) {
    in.read("control", out.control);
    in.read("http", out.http);
    in.read("state_dir", out.state_dir);
    in.read("bpffs", out.bpffs);
    in.read("detach_on_exit", out.detach_on_exit);
}

void read_log(TableReader const& in, LogOptions& out) {
    using enum LogLevel;
    in.read_choice("level", out.level, {error, warning, info, debug});
    in.read_choice("format", out.format, {LogFormat::text, LogFormat::json});
    in.read("audit", out.audit);
}

void read_datapath(TableReader const& in, DatapathOptions& out) {
    in.read("interfaces", out.interfaces);
    in.read_choice("attach", out.attach, {Attach::automatic, Attach::native, Attach::generic, Attach::tc});
    in.read("sessions", out.sessions);
    in.read("services", out.services);
    in.read("backends", out.backends);
    in.read("nat_addresses", out.nat_addresses);
    in.read("tunnel_sources", out.tunnel_sources);
    PortRange ports{out.nat_port_first, out.nat_port_last};
    in.read("nat_ports", ports);
    out.nat_port_first = ports.first;
    out.nat_port_last = ports.last;
    auto const* seed = find_key(table_spec("datapath"), "hash_seed");
    out.hash_seed = parse_hash_seed(seed->fallback.substr(1, seed->fallback.size() - 2)).value_or(HashSeed{});
    in.read("hash_seed", out.hash_seed);
}

Backend read_backend(toml::table const& table, std::string const& service,
                     std::vector<Check> const& inherited, Problems& problems) {
    auto const name = name_in(table);
    TableReader const in{table, table_spec("service.backend"), name, problems};
    Backend out;
    in.check_keys();
    in.read("name", out.name);
    in.read("address", out.address);
    in.read("port", out.port);
    in.read("weight", out.weight);
    in.read("backup", out.backup);
    std::string owner = service;
    if (!name.empty()) owner.append("/").append(name);
    auto checks = read_backend_checks(table, owner, inherited, problems);
    out.check = std::move(checks.front());
    out.more_checks.assign(std::make_move_iterator(checks.begin() + 1),
                           std::make_move_iterator(checks.end()));
    return out;
}

void read_service_keys(TableReader const& in, Service& out) {
    in.read("name", out.name);
    in.read("address", out.address);
    PortRange ports;
    in.read("port", ports);
    out.port_first = ports.first;
    out.port_last = ports.last;
    in.read_choice("protocol", out.protocol, {Protocol::tcp, Protocol::udp});
    in.read_choice("forward", out.forward, {Forward::nat, Forward::dsr, Forward::ipip, Forward::gue});
    in.read_choice("source", out.source, {Source::pool, Source::client});
    in.read("gue_port", out.gue_port);
    in.read("mss_clamp", out.mss_clamp);
    in.read_choice("on_down", out.on_down, {OnDown::reset, OnDown::rehash, OnDown::keep, OnDown::drop});
    in.read("second_chance", out.second_chance);
    in.read("panic_threshold", out.panic_threshold);
    in.read("panic_margin", out.panic_margin);
    in.read("slow_start", out.slow_start);
    in.read("healthy_low", out.healthy_low);
    in.read("healthy_high", out.healthy_high);
    if (!in.has("healthy_high")) out.healthy_high = std::max(out.healthy_high, out.healthy_low);
    in.read("idle_timeout", out.idle_timeout);
    in.read("half_open_timeout", out.half_open_timeout);
    in.read("closing_timeout", out.closing_timeout);
}

/// A backend without a port has that of its service; with several, the one that the client sent to, and its
/// checks have the first.
void complete_port(Backend& backend, Service const& service) {
    if (backend.port != 0) return;
    if (service.port_first == service.port_last) {
        backend.port = service.port_first;
        return;
    }
    if (!backend.check->port) backend.check.own().port = service.port_first;
    for (auto& check : backend.more_checks)
        check.port = check.port.value_or(service.port_first);
}

Service read_service(toml::table const& table, HealthPolicy const& policy, Problems& problems) {
    auto const name = name_in(table);
    TableReader const in{table, table_spec("service"), name, problems};
    Service out;
    in.check_keys();
    read_service_keys(in, out);
    Check inherited;
    inherited.policy = policy;
    inherited.type = out.protocol == Protocol::udp ? CheckType::none : CheckType::tcp;
    auto const checks = read_service_checks(table, name, inherited, problems);
    for (auto const* backend : find_tables(table, table_spec("service.backend"), problems))
        out.backends.push_back(read_backend(*backend, name, checks, problems));
    for (auto& backend : out.backends)
        complete_port(backend, out);
    for (std::size_t i = 1; i < out.backends.size(); ++i)
        out.backends[i].check.join(out.backends[i - 1].check);
    return out;
}

} // namespace

DesiredState read_state(toml::table const& root, Problems& problems) {
    DesiredState state;
    HealthPolicy policy;
    toml::table const absent;
    auto const read_section = [&](std::string_view path, auto const& read, auto& out) {
        auto const& spec = table_spec(path);
        auto const* table = find_table(root, spec, problems);
        if (table == nullptr && root.contains(path)) return; // of the wrong shape, and so reported
        TableReader const in{table == nullptr ? absent : *table, spec, "", problems};
        in.check_keys();
        read(in, out);
    };
    check_top(root, problems);
    read_section("daemon", read_daemon, state.daemon);
    read_section("log", read_log, state.log);
    read_section("datapath", read_datapath, state.datapath);
    read_section("health", read_policy, policy);
    for (auto const* service : find_tables(root, table_spec("service"), problems))
        state.services.push_back(read_service(*service, policy, problems));
    return state;
}

} // namespace pointsman
