#include "healthcheck/probe.hpp"

#include <utility>

namespace pointsman {

namespace {

void copy_http(Check const& from, Check& to) {
    to.method = from.method;
    to.path = from.path;
    to.host = from.host;
    to.headers = from.headers;
    to.expect_status = from.expect_status;
    to.drain_status = from.drain_status;
    to.expect = from.expect;
}

/// What the check's type reads of it.
Check essence_of(Check const& check) {
    Check out;
    out.type = check.type;
    out.policy = check.policy;
    switch (check.type) {
    case CheckType::none: break;
    case CheckType::https: out.tls = check.tls; [[fallthrough]];
    case CheckType::http: copy_http(check, out); break;
    case CheckType::tcp:
    case CheckType::udp: out.expect = check.expect; [[fallthrough]];
    case CheckType::agent: out.send = check.send; break;
    case CheckType::grpc:
        out.grpc_service = check.grpc_service;
        if (check.tls.required) out.tls = check.tls;
        break;
    case CheckType::exec: out.command = check.command; break;
    }
    if (!out.expect.is_set()) out.expect = {};
    if (out.policy.passive == Passive::replace && !only_connects(check)) out.policy.passive = Passive::probe;
    if (check.type == CheckType::https) out.tls.required = false; // it says nothing there
    return out;
}

} // namespace

bool takes_service_way(Service const& service, Backend const& backend, Check const& check) noexcept {
    bool const possible = service.forward != Forward::nat && check.type != CheckType::exec &&
                          check.type != CheckType::none && backend.address.is_v4() == service.address.is_v4();
    if (check.via != Via::automatic) return possible && check.via == Via::service;
    auto const port = check.port.value_or(service.port_first);
    return possible && port >= service.port_first && port <= service.port_last;
}

ProbeTarget target_of(Service const& service, Backend const& backend, Check const& check) {
    ProbeTarget target{backend.address, check.port.value_or(backend.port), essence_of(check)};
    bool const on_way = takes_service_way(service, backend, check);
    if (on_way) target.service = service.address;
    if (on_way && target.check->policy.passive == Passive::replace) // the handshakes are not seen whole
        target.check.own().policy.passive = Passive::probe;
    if (on_way || check.type == CheckType::exec) target.backend = {service.name, backend.name};
    return target;
}

std::string_view way_of(ProbeTarget const& target) noexcept {
    return target.service ? "service" : "direct";
}

ProbeTarget directly(ProbeTarget target) {
    if (target.service) target.backend = {};
    target.service.reset();
    return target;
}

boost::asio::awaitable<Outcome> probe(ProbeTarget target) {
    switch (target.check->type) {
    case CheckType::none: break;
    case CheckType::tcp: return probe_tcp(std::move(target));
    case CheckType::http:
    case CheckType::https: return probe_http(std::move(target));
    case CheckType::udp: return probe_udp(std::move(target));
    case CheckType::grpc: return probe_grpc(std::move(target));
    case CheckType::exec: return probe_exec(std::move(target));
    case CheckType::agent: return probe_agent(std::move(target));
    }
    std::unreachable();
}

} // namespace pointsman
