#include "controller/config/consistency.hpp"

#include "controller/model/names.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace pointsman {
namespace {

std::string service_path(std::size_t service) {
    return "service[" + std::to_string(service) + "]";
}

std::string backend_path(std::size_t service, std::size_t backend) {
    return service_path(service) + ".backend[" + std::to_string(backend) + "]";
}

/// 10.77.0.100:80/tcp
std::string endpoint_text(Service const& service) {
    auto text = endpoint_text(service.address, service.port_first);
    if (service.port_last != service.port_first) text += "-" + std::to_string(service.port_last);
    return text + "/" + std::string{name_of(service.protocol)};
}

/// How messages call a service, whose name may not have been readable.
std::string called(Service const& service) {
    return service.name.empty() ? "a service without a name" : "service `" + service.name + "`";
}

/// One run of all checks over one file.
class ConsistencyCheck {
public:
    ConsistencyCheck(DesiredState const& state, SourceMap const& places, Problems& problems)
        : state_{state}
        , places_{places}
        , problems_{problems} {}

    void run() {
        if (state_.services.empty() && !places_.keys.contains("service[0]"))
            problems_.warning({}, "no service is defined", "nothing will be balanced; add a [[service]]");
        check_room();
        check_service_names();
        check_overlaps();
        for (std::size_t i = 0; i < state_.services.size(); ++i)
            check_service(i);
    }

private:
    using Endpoint = std::pair<Address, std::uint16_t>;

    [[nodiscard]] std::string at_line(std::string const& path) const {
        return "line " + std::to_string(places_.value_at(path).line);
    }

    void error(std::string const& path, std::string message, std::string hint) {
        problems_.error(places_.value_at(path), std::move(message), std::move(hint));
    }

    void check_room() {
        check_port_room();
        if (state_.datapath.nat_addresses.size() > max_nat_addresses)
            error("datapath.nat_addresses",
                  "more than " + std::to_string(max_nat_addresses) + " NAT addresses",
                  "remove some: each gives " +
                      std::to_string(state_.datapath.nat_port_last - state_.datapath.nat_port_first + 1) +
                      " flows to every backend");
        check_tunnel_sources();
        std::size_t backends = 0;
        for (std::size_t i = 0; i < state_.services.size(); ++i) {
            if (i == state_.datapath.services)
                report_no_room(service_path(i), "services", state_.datapath.services);
            for (std::size_t j = 0; j < state_.services[i].backends.size(); ++j)
                if (backends++ == state_.datapath.backends)
                    report_no_room(backend_path(i, j), "backends", state_.datapath.backends);
        }
    }

    void check_tunnel_sources() {
        auto const& all = state_.datapath.tunnel_sources;
        auto const is_v4 = [](Prefix const& prefix) { return prefix.address.is_v4(); };
        auto const v4 = std::ranges::count_if(all, is_v4);
        if (v4 > 1 || std::ssize(all) - v4 > 1)
            error("datapath.tunnel_sources", "`tunnel_sources` has two prefixes of one address family",
                  "leave one for IPv4 and one for IPv6; a shorter prefix gives more addresses");
        auto const is_ipip = [](Service const& service) { return service.forward == Forward::ipip; };
        if (!all.empty() && std::ranges::none_of(state_.services, is_ipip))
            problems_.warning(places_.value_at("datapath.tunnel_sources"),
                              "`tunnel_sources` has no effect: no service has forward = \"ipip\"",
                              "remove it");
    }

    void check_port_room() {
        std::size_t ports = 0;
        for (std::size_t i = 0; i < state_.services.size(); ++i) {
            auto const& service = state_.services[i];
            auto const before = ports;
            if (service.port_last >= service.port_first)
                ports += std::size_t{1} + service.port_last - service.port_first;
            if (ports > max_service_ports && before <= max_service_ports)
                error(service_path(i) + ".port",
                      "the services have more than " + std::to_string(max_service_ports) + " ports together",
                      "narrow the range");
        }
    }

    void report_no_room(std::string const& path, std::string const& what, std::uint32_t room) {
        error(path, "there is room for " + std::to_string(room) + " " + what + ", and this is one more",
              "raise `" + what + "` in [datapath]");
    }

    void check_service_names() {
        std::map<std::string_view, std::size_t> first_with;
        for (std::size_t i = 0; i < state_.services.size(); ++i) {
            auto const& name = state_.services[i].name;
            auto const [first, inserted] = first_with.try_emplace(name, i);
            if (!inserted && !name.empty())
                error(service_path(i) + ".name", "duplicate service name `" + name + "`",
                      "first used at " + at_line(service_path(first->second) + ".name"));
        }
    }

    /// The indices of all services whose address and ports are known, neighbours in the address space side by
    /// side.
    [[nodiscard]] std::vector<std::size_t> by_endpoint() const {
        auto const key = [this](std::size_t i) {
            auto const& service = state_.services[i];
            return std::tuple{service.address, service.protocol, service.port_first, i};
        };
        std::vector<std::size_t> order;
        for (std::size_t i = 0; i < state_.services.size(); ++i)
            if (!state_.services[i].address.is_unspecified() && state_.services[i].port_first != 0)
                order.push_back(i);
        std::ranges::sort(order, {}, key);
        return order;
    }

    void check_overlaps() {
        auto const order = by_endpoint();
        std::size_t widest = 0; // position of the service that reaches furthest so far
        for (std::size_t k = 1; k < order.size(); ++k) {
            auto const& a = state_.services[order[widest]];
            auto const& b = state_.services[order[k]];
            bool const comparable = a.address == b.address && a.protocol == b.protocol;
            if (comparable && b.port_first <= a.port_last) report_overlap(order[widest], order[k]);
            if (!comparable || b.port_last > a.port_last) widest = k;
        }
    }

    void report_overlap(std::size_t one, std::size_t other) {
        auto const& [first, second] = std::minmax(one, other);
        error(service_path(second) + ".port",
              endpoint_text(state_.services[second]) + " is already taken by " +
                  called(state_.services[first]),
              "it takes " + endpoint_text(state_.services[first]) + " at " +
                  at_line(service_path(first) + ".port"));
    }

    void check_service(std::size_t i) {
        auto const& service = state_.services[i];
        auto const quoted = called(service);
        if (service.backends.empty() && !places_.keys.contains(service_path(i) + ".backend"))
            problems_.warning(places_.value_at(service_path(i)), quoted + " has no backends",
                              "its clients will not be served; add a [[service.backend]]");
        if (service.source == Source::client && service.forward != Forward::nat)
            error(service_path(i) + ".source",
                  "source = \"client\" is for forward = \"nat\": \"" + std::string{name_of(service.forward)} +
                      "\" keeps the client's address anyway",
                  "leave `source` out");
        if (service.forward != Forward::gue && places_.keys.contains(service_path(i) + ".gue_port"))
            problems_.warning(places_.value_at(service_path(i) + ".gue_port"),
                              "`gue_port` has no effect on " + quoted + ": its packets go by forward = \"" +
                                  std::string{name_of(service.forward)} + "\"",
                              "remove it, or write forward = \"gue\"");
        if (service.protocol == Protocol::udp && service.mss_clamp != MssClamp::off)
            problems_.warning(places_.value_at(service_path(i) + ".mss_clamp"),
                              "`mss_clamp` has no effect on " + quoted + ": UDP knows no segments",
                              "remove it");
        auto const no_weight = [](Backend const& backend) { return backend.weight == 0; };
        if (!service.backends.empty() && std::ranges::all_of(service.backends, no_weight))
            problems_.warning(places_.value_at(service_path(i)),
                              "all backends of " + quoted + " have weight 0", "none of them takes new flows");
        if (service.healthy_high < service.healthy_low)
            error(service_path(i) + ".healthy_high",
                  "healthy_high (" + std::to_string(service.healthy_high) + ") is below healthy_low (" +
                      std::to_string(service.healthy_low) + ")",
                  "the address would be withdrawn and announced again at once");
        warn_of_idle_replace(i);
        check_backends_differ(i);
        for (std::size_t j = 0; j < service.backends.size(); ++j)
            check_backend(i, j);
    }

    /// The datapath sees a handshake from both sides, and knows it for one, only there.
    void warn_of_idle_replace(std::size_t i) {
        auto const& service = state_.services[i];
        if (service.forward == Forward::nat && service.protocol == Protocol::tcp) return;
        auto const own = service_path(i) + ".check.passive"; // inherited ones do no harm
        auto const replaces = [](Backend const& backend) {
            return backend.check->policy.passive == Passive::replace;
        };
        if (!places_.keys.contains(own) || std::ranges::none_of(service.backends, replaces)) return;
        problems_.warning(places_.value_at(own),
                          "passive = \"replace\" replaces no probe of " + called(service) +
                              ": handshakes are seen with protocol = \"tcp\" and forward = \"nat\" only",
                          "write passive = \"probe\" in its [service.check]");
    }

    void check_backends_differ(std::size_t i) {
        std::map<std::string_view, std::size_t> name_first;
        std::map<Endpoint, std::size_t> endpoint_first;
        auto const& backends = state_.services[i].backends;
        for (std::size_t j = 0; j < backends.size(); ++j) {
            auto const& name = backends[j].name;
            auto const& address = backends[j].address;
            auto const port = backends[j].port;
            auto const [named, new_name] = name_first.try_emplace(name, j);
            if (!name.empty() && !new_name)
                error(backend_path(i, j) + ".name",
                      "duplicate backend name `" + name + "` in service `" + state_.services[i].name + "`",
                      "first used at " + at_line(backend_path(i, named->second) + ".name"));
            if (address.is_unspecified()) continue;
            auto const [placed, new_place] = endpoint_first.try_emplace(Endpoint{address, port}, j);
            if (!new_place)
                error(backend_path(i, j) + ".address",
                      endpoint_text(address, port) + " is already backend `" + backends[placed->second].name +
                          "`",
                      "to give it more flows, raise the weight at " +
                          at_line(backend_path(i, placed->second)));
        }
    }

    void check_backend(std::size_t i, std::size_t j) {
        auto const& service = state_.services[i];
        auto const& backend = service.backends[j];
        if (backend.address.is_unspecified() || service.address.is_unspecified()) return;
        auto const path = backend_path(i, j) + ".address";
        bool const tunnel = service.forward == Forward::ipip || service.forward == Forward::gue;
        if (!tunnel && backend.address.is_v4() != service.address.is_v4())
            error(path, "backend `" + backend.name + "` and its service are of different address families",
                  "translation between IPv4 and IPv6 is not supported; a tunnel (forward = \"ipip\" or "
                  "\"gue\") may have the other family");
        bool const keeps_port = backend.port == 0 || (service.port_first == service.port_last &&
                                                      backend.port == service.port_first);
        if (service.forward != Forward::nat && !keeps_port)
            error(backend_path(i, j) + ".port",
                  "backend `" + backend.name + "` has another port than its service, and forward = \"" +
                      std::string{name_of(service.forward)} + "\" changes none",
                  "leave `port` out");
        bool const same_port = backend.port >= service.port_first && backend.port <= service.port_last;
        if (backend.address == service.address && same_port)
            error(path, "backend `" + backend.name + "` is the service itself",
                  "its flows would go round in a circle");
        check_way(i, j);
    }

    /// A check that cannot do what its `via` says.
    void check_way(std::size_t i, std::size_t j) {
        auto const& service = state_.services[i];
        auto const& backend = service.backends[j];
        bool wants = backend.check->via == Via::service && backend.check->type != CheckType::exec;
        for (auto const& check : backend.more_checks)
            wants |= check.via == Via::service && check.type != CheckType::exec;
        if (!wants) return;
        auto const own = backend_path(i, j) + ".check.via";
        auto const path = places_.keys.contains(own) ? own : service_path(i) + ".check.via";
        if (service.forward == Forward::nat)
            error(path,
                  "via = \"service\" is not for forward = \"nat\": its packets to backend `" + backend.name +
                      "` go where direct probes go",
                  "leave `via` out");
        else if (backend.address.is_v4() != service.address.is_v4())
            error(path,
                  "via = \"service\" cannot reach backend `" + backend.name +
                      "`, whose address is of the other family",
                  "write via = \"direct\" in its [service.backend.check]");
    }

    DesiredState const& state_;
    SourceMap const& places_;
    Problems& problems_;
};

} // namespace

void check_consistency(DesiredState const& state, SourceMap const& places, Problems& problems) {
    ConsistencyCheck{state, places, problems}.run();
}

} // namespace pointsman
