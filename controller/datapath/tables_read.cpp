#include "controller/datapath/tables_read.hpp"

#include <algorithm>
#include <arpa/inet.h>

namespace pointsman {
namespace {

OnDown on_down_of(std::uint8_t value) {
    switch (value) {
    case PM_ON_DOWN_REHASH: return OnDown::rehash;
    case PM_ON_DOWN_KEEP: return OnDown::keep;
    case PM_ON_DOWN_DROP: return OnDown::drop;
    default: return OnDown::reset;
    }
}

Forward forward_of(std::uint8_t value) {
    switch (value) {
    case PM_FORWARD_DSR: return Forward::dsr;
    case PM_FORWARD_IPIP: return Forward::ipip;
    case PM_FORWARD_GUE: return Forward::gue;
    default: return Forward::nat;
    }
}

Duration duration_of(std::uint32_t ticks, std::uint64_t ticks_per_second) {
    return std::chrono::milliseconds{std::uint64_t{ticks} * 1000 /
                                     std::max<std::uint64_t>(ticks_per_second, 1)};
}

std::shared_ptr<MaglevTable const> read_maglev(TableHalf const& half, std::size_t service,
                                               std::uint32_t size) {
    auto const chunks = half.maglev.subspan(service * half.maglev_chunks, half.maglev_chunks);
    std::vector<BackendId> ids;
    auto const slots = std::min<std::size_t>(size, chunks.size() * PM_MAGLEV_CHUNK);
    for (std::size_t i = 0; i < slots; ++i)
        ids.push_back(BackendId{chunks[i / PM_MAGLEV_CHUNK].backend[i % PM_MAGLEV_CHUNK]});
    return std::make_shared<MaglevTable const>(ids);
}

GenerationService read_service(TableHalf const& half, std::size_t id, std::uint64_t ticks_per_second) {
    auto const& entry = half.services[id];
    GenerationService service;
    service.id = ServiceId{static_cast<std::uint16_t>(id)};
    service.address = from_abi(entry.address);
    service.protocol = static_cast<Protocol>(entry.protocol);
    service.forward = forward_of(entry.forward);
    service.source = entry.flags & PM_SERVICE_SOURCE_CLIENT ? Source::client : Source::pool;
    service.own_address = (entry.flags & PM_SERVICE_OWN_ADDRESS) != 0;
    service.second_chance = (entry.flags & PM_SERVICE_SECOND_CHANCE) != 0;
    service.gue_port = ntohs(entry.gue_port);
    service.mss_clamp = MssClamp{entry.mss_clamp};
    service.on_down = on_down_of(entry.on_down);
    service.idle_timeout = duration_of(entry.idle_ticks, ticks_per_second);
    service.half_open_timeout = duration_of(entry.half_open_ticks, ticks_per_second);
    service.closing_timeout = duration_of(entry.closing_ticks, ticks_per_second);
    service.maglev = read_maglev(half, id, entry.maglev_size);
    return service;
}

/// The ports of each service: a service's slots are one range.
void read_ports(TableHalf const& half, std::vector<GenerationService>& services) {
    for (auto const& slot : half.slots) {
        if (slot.protocol == 0 || slot.protocol == PM_SLOT_FRAGMENTS) continue;
        auto const service = std::ranges::find(services, ServiceId{slot.service}, &GenerationService::id);
        if (service == services.end()) continue;
        auto const port = ntohs(slot.port);
        auto const is_first = service->port_last == 0;
        service->port_first = is_first ? port : std::min(service->port_first, port);
        service->port_last = std::max(service->port_last, port);
    }
}

GenerationBackend read_backend(pm_backend const& entry, std::size_t id, std::span<pm_addr const> nat) {
    GenerationBackend backend;
    backend.id = static_cast<BackendId>(id);
    backend.service = ServiceId{entry.service};
    backend.address = from_abi(entry.address);
    backend.port = ntohs(entry.port);
    backend.incarnation = entry.incarnation;
    if (entry.ifindex != 0) {
        NextHop hop{entry.ifindex, {}, {}, (entry.out_flags & PM_OUT_PEER) != 0, entry.mtu};
        std::ranges::copy(entry.next_hop, hop.mac.begin());
        std::ranges::copy(entry.source, hop.source.begin());
        backend.next_hop = hop;
    }
    for (std::size_t i = entry.nat_first;
         i < std::size_t{entry.nat_first} + entry.nat_count && i < nat.size(); ++i)
        backend.nat_addresses.push_back(from_abi(nat[i]));
    backend.source_bits = entry.source_bits;
    return backend;
}

/// A service's backends stand side by side, which plan_next relies on.
std::vector<GenerationBackend> read_backends(TableHalf const& half,
                                             std::vector<GenerationService> const& services) {
    std::vector<GenerationBackend> backends;
    for (auto const& service : services) {
        std::vector<bool> eligible(half.backends.size());
        for (auto const slot : service.maglev->ids())
            if (auto const id = static_cast<std::size_t>(slot); id < eligible.size()) eligible[id] = true;
        for (std::size_t id = 1; id < half.backends.size(); ++id) {
            if (half.backends[id].service != static_cast<std::uint16_t>(service.id)) continue;
            backends.push_back(read_backend(half.backends[id], id, half.nat_addresses));
            backends.back().eligible = eligible[id];
        }
    }
    return backends;
}

std::vector<Address> read_nat_addresses(std::span<pm_addr const> entries) {
    std::vector<Address> addresses;
    for (auto const& entry : entries)
        addresses.push_back(from_abi(entry));
    while (addresses.size() > 1 && addresses.back() == Address{})
        addresses.pop_back();
    return addresses;
}

std::vector<Link> read_links(std::span<pm_link const> entries) {
    std::vector<Link> links;
    for (std::uint32_t slot = 0; slot < entries.size(); ++slot) {
        auto const& entry = entries[slot];
        if (entry.ifindex == 0) continue;
        Link link{entry.ifindex, {}, (entry.out_flags & PM_OUT_PEER) != 0, slot};
        std::ranges::copy(entry.mac, link.mac.begin());
        links.push_back(link);
    }
    std::ranges::sort(links, {}, &Link::ifindex);
    return links;
}

} // namespace

Generation read_generation(TableHalf const& half, std::uint64_t number,
                           std::span<std::uint64_t const> incarnations, std::uint64_t ticks_per_second) {
    Generation generation;
    generation.number = number;
    for (std::size_t id = 1; id < half.services.size(); ++id)
        if (half.services[id].protocol != 0)
            generation.services.push_back(read_service(half, id, ticks_per_second));
    read_ports(half, generation.services);
    generation.backends = BackendList{read_backends(half, generation.services)};
    for (auto const last : incarnations)
        generation.incarnations.push_back(static_cast<std::uint32_t>(last));
    for (auto const& backend : generation.backends) {
        auto const id = static_cast<std::size_t>(backend.id);
        if (generation.incarnations.size() <= id) generation.incarnations.resize(id + 1, 0);
        generation.incarnations[id] = std::max(generation.incarnations[id], backend.incarnation);
    }
    generation.nat_addresses = read_nat_addresses(half.nat_addresses);
    generation.links = read_links(half.links);
    return generation;
}

} // namespace pointsman
