#include "controller/plan/description.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace pointsman {

GenerationBackend Description::describe(Service const& service, Backend const& wanted, BackendKey key,
                                        GenerationBackend const* before) {
    GenerationBackend backend;
    backend.key = std::move(key);
    backend.address = wanted.address;
    backend.port = wanted.port;
    auto const adjusted = adjust_.value_or(backend.key, Adjustment{});
    backend.weight = adjusted.weight.value_or(wanted.weight);
    backend.ramp = adjusted.ramp;
    backend.weight_percent = adjusted.weight_percent;
    backend.backup = wanted.backup;
    backend.measured = wanted.check->type == CheckType::none && wanted.more_checks.empty()
                           ? MeasuredState::up
                           : measured_.value_or(backend.key, MeasuredState::unknown);
    backend.admin = admin_.value_or(backend.key, AdminState::ready);
    describe_way(service.forward, backend, before);
    if (service.forward == Forward::dsr && backend.next_hop && backend.next_hop->is_router)
        backend.next_hop.reset(); // which would send the packet back to whoever has the service's address
    return backend;
}

/// A next hop that the kernel forgot stays: an aged neighbour entry is no news about the backend.
void Description::describe_way(Forward forward, GenerationBackend& backend, GenerationBackend const* before) {
    auto const found = input_.network.routes.find(backend.address);
    auto const* route = found == input_.network.routes.end() ? nullptr : &found->second;
    if (route && route->next_hop)
        backend.next_hop = route->next_hop;
    else if (before)
        backend.next_hop = before->next_hop;
    describe_sources(forward, backend);
    if (backend.nat_addresses.empty() && route && route->source) backend.nat_addresses = {*route->source};
    if (backend.nat_addresses.empty() && before) {
        backend.nat_addresses = before->nat_addresses;
        backend.source_bits = before->source_bits;
    }
    keep_side_by_side(backend.nat_addresses);
}

/// As configured for the family of its address.
void Description::describe_sources(Forward forward, GenerationBackend& backend) const {
    auto const& datapath = input_.desired.datapath;
    auto const is_alike = [&](Address const& address) { return address.is_v4() == backend.address.is_v4(); };
    if (forward == Forward::ipip)
        for (auto const& prefix : datapath.tunnel_sources)
            if (is_alike(prefix.address)) {
                backend.nat_addresses = {prefix.address};
                backend.source_bits = prefix.host_bits();
                return;
            }
    std::ranges::copy_if(datapath.nat_addresses, std::back_inserter(backend.nat_addresses), is_alike);
}

/// A backend refers to its NAT addresses by the index of the first one.
void Description::keep_side_by_side(std::vector<Address> const& wanted) {
    auto& all = nat_addresses_;
    if (std::search(all.begin(), all.end(), wanted.begin(), wanted.end()) == all.end())
        all.insert(all.end(), wanted.begin(), wanted.end());
}

} // namespace pointsman
