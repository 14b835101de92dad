#include "controller/datapath/session_flow.hpp"

namespace pointsman {

std::optional<pm_flow> flow_of(pm_session const& session, TableHalf const& tables) noexcept {
    if (session.service >= tables.services.size() || session.backend >= tables.backends.size() ||
        session.nat_address >= tables.nat_addresses.size())
        return std::nullopt;
    auto const& service = tables.services[session.service];
    auto const& backend = tables.backends[session.backend];
    pm_flow flow{};
    flow.protocol = session.protocol;
    if (session.direction == PM_TO_BACKEND) {
        if (service.protocol != session.protocol) return std::nullopt;
        flow.source = session.client;
        flow.source_port = session.client_port;
        flow.destination = service.address;
        flow.destination_port = session.service_port;
        return flow;
    }
    flow.source = backend.address;
    flow.source_port = backend.port ? backend.port : session.service_port;
    flow.destination = session.nat_address ? tables.nat_addresses[session.nat_address] : session.client;
    flow.destination_port = session.nat_port;
    return flow;
}

std::optional<pm_flow> partner_flow_of(pm_session session, TableHalf const& tables) noexcept {
    session.direction = session.direction == PM_TO_BACKEND ? PM_TO_CLIENT : PM_TO_BACKEND;
    return flow_of(session, tables);
}

} // namespace pointsman
