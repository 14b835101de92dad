#include "controller/app/reload_limits.hpp"

namespace pointsman {

std::vector<std::string> keys_that_need_a_restart(DesiredState const& was, DesiredState const& now) {
    std::vector<std::string> keys;
    auto const compare = [&](char const* key, auto const& before, auto const& after) {
        if (before != after) keys.emplace_back(key);
    };
    compare("daemon.control", was.daemon.control, now.daemon.control);
    compare("daemon.http", was.daemon.http, now.daemon.http);
    compare("daemon.state_dir", was.daemon.state_dir, now.daemon.state_dir);
    compare("daemon.bpffs", was.daemon.bpffs, now.daemon.bpffs);
    compare("log.audit", was.log.audit, now.log.audit);
    compare("datapath.interfaces", was.datapath.interfaces, now.datapath.interfaces);
    compare("datapath.attach", was.datapath.attach, now.datapath.attach);
    compare("datapath.sessions", was.datapath.sessions, now.datapath.sessions);
    compare("datapath.services", was.datapath.services, now.datapath.services);
    compare("datapath.backends", was.datapath.backends, now.datapath.backends);
    compare("datapath.nat_ports", was.datapath.nat_port_first, now.datapath.nat_port_first);
    if (was.datapath.nat_port_first == now.datapath.nat_port_first)
        compare("datapath.nat_ports", was.datapath.nat_port_last, now.datapath.nat_port_last);
    compare("datapath.hash_seed", was.datapath.hash_seed, now.datapath.hash_seed);
    return keys;
}

} // namespace pointsman
