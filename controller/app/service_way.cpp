#include "controller/app/service_way.hpp"

#include "controller/datapath/error.hpp"
#include "healthcheck/probe.hpp"

#include <algorithm>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace pointsman {
namespace {

bool any_takes_way(Service const& service, Backend const& backend) {
    auto const takes = [&](Check const& check) { return takes_service_way(service, backend, check); };
    return takes(*backend.check) || std::ranges::any_of(backend.more_checks, takes);
}

ProbePassage passage_of(ProbeTarget const& target, ProbeEntry const& entry, BackendId backend) {
    return {.cookie = entry.cookie,
            .dialled = target.address,
            .service = *target.service,
            .backend = backend,
            .port = target.port,
            .own_port = entry.own_port,
            .protocol = static_cast<std::uint8_t>(entry.stream ? int{IPPROTO_TCP} : int{IPPROTO_UDP})};
}

boost::system::error_code kernel_error(int error) noexcept {
    return {error, boost::system::system_category()};
}

} // namespace

std::set<std::uint32_t> probe_interfaces(DesiredState const& desired, NetworkView const& view) {
    std::set<std::uint32_t> found;
    bool wanted = false;
    for (auto const& service : desired.services)
        for (auto const& backend : service.backends) {
            if (!any_takes_way(service, backend)) continue;
            wanted = true;
            auto const route = view.routes.find(backend.address);
            if (route != view.routes.end() && route->second.next_hop)
                found.insert(route->second.next_hop->ifindex);
        }
    if (!wanted) return {};
    for (auto const& link : view.links)
        found.insert(link.ifindex);
    return found;
}

DesiredState probed_directly(DesiredState desired) {
    for (auto& service : desired.services)
        for (auto& backend : service.backends) {
            if (backend.check->via != Via::direct) backend.check.own().via = Via::direct;
            for (auto& check : backend.more_checks)
                check.via = Via::direct;
        }
    return desired;
}

unsigned segment_in_tunnel(GenerationService const& service, GenerationBackend const& backend) noexcept {
    bool const tunnel = service.forward == Forward::ipip || service.forward == Forward::gue;
    if (!tunnel || !backend.next_hop || backend.next_hop->mtu == 0) return 0;
    auto const gue = service.forward == Forward::gue ? 12U : 0U; // UDP, and GUE without options
    auto const outer = backend.address.is_v4() ? 20U : 40U;
    auto const headers = (service.address.is_v4() ? 20U : 40U) + 20U;
    auto const taken = outer + gue + headers;
    return backend.next_hop->mtu > taken ? backend.next_hop->mtu - taken : 0;
}

bool ServiceWay::follow(DesiredState const& desired, NetworkView const& view, DatapathHost const& datapath) {
    std::string problem;
    auto const interfaces = probe_interfaces(desired, view);
    try {
        if (interfaces.empty())
            path_.reset();
        else if (!path_)
            path_ = datapath.make_probe_path(desired.datapath);
        if (path_) path_->follow(interfaces);
    } catch (DatapathError const& error) {
        path_.reset();
        problem = error.what();
    }
    return std::exchange(problem_, problem) != problem;
}

boost::system::error_code ServiceWay::enter(ProbeTarget const& target, ProbeEntry const& entry) noexcept {
    auto const& generation = generation_();
    auto const* backend = generation.find(target.backend);
    auto const* service = generation.find(target.backend.service);
    if (!path_ || !backend || !service) return kernel_error(ENETDOWN);
    if (backend->next_hop && !path_->is_on(backend->next_hop->ifindex)) return kernel_error(ENETDOWN);
    if (auto const segment = static_cast<int>(segment_in_tunnel(*service, *backend));
        entry.stream && segment != 0)
        (void)::setsockopt(entry.fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
    auto const error = path_->enter(passage_of(target, entry, backend->id));
    return error ? kernel_error(ENOBUFS) : error;
}

void ServiceWay::leave(ProbeTarget const& target, ProbeEntry const& entry) noexcept {
    if (path_) path_->leave(passage_of(target, entry, BackendId::none));
}

} // namespace pointsman
