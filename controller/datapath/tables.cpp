#include "controller/datapath/tables.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <map>
#include <netinet/in.h>
#include <utility>

namespace pointsman {
namespace {

static_assert(nat_address_room == PM_NAT_ADDRESSES);
static_assert(link_slots == PM_LINK_SLOTS && link_probes == PM_LINK_PROBES);
static_assert(static_cast<unsigned>(MssClamp::automatic) == PM_MSS_AUTO &&
              static_cast<unsigned>(MssClamp::off) == PM_MSS_OFF);

template<typename Value>
void clear(std::span<Value> values) {
    std::memset(values.data(), 0, values.size_bytes());
}

std::uint32_t ticks_of(Duration duration, std::uint64_t ticks_per_second) {
    auto const milliseconds = std::chrono::ceil<std::chrono::milliseconds>(duration).count();
    auto const ticks = static_cast<std::uint64_t>(milliseconds) * ticks_per_second / 1000;
    return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(ticks, 1, 0x7fffffff));
}

pm_on_down to_abi(OnDown on_down) {
    switch (on_down) {
    case OnDown::reset: return PM_ON_DOWN_RESET;
    case OnDown::rehash: return PM_ON_DOWN_REHASH;
    case OnDown::keep: return PM_ON_DOWN_KEEP;
    case OnDown::drop: return PM_ON_DOWN_DROP;
    }
    return PM_ON_DOWN_RESET;
}

pm_forward to_abi(Forward forward) {
    switch (forward) {
    case Forward::nat: return PM_FORWARD_NAT;
    case Forward::dsr: return PM_FORWARD_DSR;
    case Forward::ipip: return PM_FORWARD_IPIP;
    case Forward::gue: return PM_FORWARD_GUE;
    }
    return PM_FORWARD_NAT;
}

/// False when PM_SLOT_PROBES slots in a row are taken.
bool insert_slot(std::span<pm_service_slot> slots, pm_service_slot const& wanted) {
    auto const start = pm_slot_hash(&wanted.address, wanted.port, wanted.protocol);
    for (std::uint32_t i = 0; i < PM_SLOT_PROBES; ++i) {
        auto& slot = slots[(start + i) & (slots.size() - 1)];
        if (slot.protocol != 0) continue;
        slot = wanted;
        return true;
    }
    return false;
}

bool insert_ports(std::span<pm_service_slot> slots, GenerationService const& service) {
    pm_service_slot slot{};
    slot.address = to_abi(service.address);
    slot.protocol = static_cast<std::uint8_t>(service.protocol);
    slot.service = static_cast<std::uint16_t>(service.id);
    for (unsigned port = service.port_first; port <= service.port_last; ++port) {
        slot.port = htons(static_cast<std::uint16_t>(port));
        if (!insert_slot(slots, slot)) return false;
    }
    return true;
}

/// Who answers to ping: the addresses of services that are not the host's own, each alive while one of its
/// services has a backend for new flows.
std::map<Address, bool> pinged_addresses(Generation const& generation) {
    std::map<Address, bool> alive;
    for (auto const& service : generation.services)
        if (!service.own_address) alive[service.address] |= !service.maglev->empty();
    return alive;
}

bool insert_pings(std::span<pm_service_slot> slots, Generation const& generation) {
    for (auto const& [address, alive] : pinged_addresses(generation)) {
        pm_service_slot slot{};
        slot.address = to_abi(address);
        slot.protocol = static_cast<std::uint8_t>(address.is_v4() ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6});
        slot.flags = alive ? PM_SLOT_ALIVE : 0;
        if (!insert_slot(slots, slot)) return false;
    }
    return true;
}

/// Who gets fragments without ports at an address.
struct FragmentOwner {
    ServiceId only = ServiceId::none; ///< the address's only UDP service, if it has but one
    bool is_shared = false;           ///< the host may be meant too, or clients by their NAT
};

/// By address and protocol (PM_SLOT_FRAGMENTS).
std::map<std::pair<Address, Protocol>, FragmentOwner> owners_of_fragments(Generation const& generation) {
    std::map<std::pair<Address, Protocol>, FragmentOwner> owners;
    for (auto const& service : generation.services) {
        FragmentOwner const owner{service.protocol == Protocol::udp ? service.id : ServiceId::none,
                                  service.own_address};
        auto const [entry, is_first] = owners.try_emplace({service.address, service.protocol}, owner);
        if (!is_first) entry->second = {ServiceId::none, entry->second.is_shared || owner.is_shared};
    }
    for (auto const& address : generation.nat_addresses)
        if (address != Address{})
            for (auto const protocol : {Protocol::tcp, Protocol::udp})
                owners[{address, protocol}].is_shared = true;
    return owners;
}

/// Where others share the address a slot is a help and no more: without it fragments pass at once.
bool insert_fragments(std::span<pm_service_slot> slots, Generation const& generation) {
    for (auto const& [of, owner] : owners_of_fragments(generation)) {
        pm_service_slot slot{};
        slot.address = to_abi(of.first);
        slot.port = htons(static_cast<std::uint16_t>(of.second));
        slot.protocol = PM_SLOT_FRAGMENTS;
        slot.flags = owner.is_shared ? PM_SLOT_SHARED : 0;
        slot.service = owner.is_shared ? 0 : static_cast<std::uint16_t>(owner.only);
        if (!insert_slot(slots, slot) && !owner.is_shared) return false;
    }
    return true;
}

void write_slot(MaglevTable const& table, std::size_t slot, std::span<pm_maglev_chunk> chunks) {
    chunks[slot / PM_MAGLEV_CHUNK].backend[slot % PM_MAGLEV_CHUNK] = static_cast<std::uint16_t>(table[slot]);
}

/// @param there what stands there, or nullptr: nobody knows.
void write_maglev(MaglevTable const& table, MaglevTable const* there, PatternChanges& changes,
                  std::span<pm_maglev_chunk> chunks) {
    if (there && there->ids() == table.ids() && there->size() == table.size() && !table.empty()) {
        for (auto const slot : changes.between(*there->pattern(), *table.pattern()))
            write_slot(table, slot, chunks);
        return;
    }
    clear(chunks.subspan(table.size() / PM_MAGLEV_CHUNK));
    for (std::size_t slot = 0; slot < table.size(); ++slot)
        write_slot(table, slot, chunks);
}

void write_service(GenerationService const& service, std::uint64_t generation, pm_service& entry,
                   std::uint64_t ticks_per_second) {
    entry.address = to_abi(service.address);
    entry.protocol = static_cast<std::uint8_t>(service.protocol);
    entry.on_down = static_cast<std::uint8_t>(to_abi(service.on_down));
    entry.forward = static_cast<std::uint8_t>(to_abi(service.forward));
    entry.flags =
        static_cast<std::uint8_t>((service.source == Source::client ? PM_SERVICE_SOURCE_CLIENT : 0) |
                                  (service.own_address ? PM_SERVICE_OWN_ADDRESS : 0) |
                                  (service.second_chance ? PM_SERVICE_SECOND_CHANCE : 0));
    entry.gue_port = htons(service.gue_port);
    entry.mss_clamp = static_cast<std::uint16_t>(service.mss_clamp);
    entry.maglev_size = static_cast<std::uint32_t>(service.maglev->size());
    entry.idle_ticks = ticks_of(service.idle_timeout, ticks_per_second);
    entry.half_open_ticks = ticks_of(service.half_open_timeout, ticks_per_second);
    entry.closing_ticks = ticks_of(service.closing_timeout, ticks_per_second);
    entry.generation = static_cast<std::uint32_t>(generation);
}

void write_backend(GenerationBackend const& backend, Generation const& generation, pm_backend& entry) {
    entry.address = to_abi(backend.address);
    entry.port = htons(backend.port);
    entry.service = static_cast<std::uint16_t>(backend.service);
    entry.incarnation = backend.incarnation;
    entry.generation = static_cast<std::uint32_t>(generation.number);
    if (backend.next_hop) {
        entry.ifindex = backend.next_hop->ifindex;
        entry.out_flags = backend.next_hop->peer_elsewhere ? PM_OUT_PEER : 0;
        entry.mtu = static_cast<std::uint16_t>(std::min(backend.next_hop->mtu, 0xffffU));
        std::ranges::copy(backend.next_hop->mac, entry.next_hop);
        std::ranges::copy(backend.next_hop->source, entry.source);
    }
    if (backend.nat_addresses.empty()) return;
    auto const& all = generation.nat_addresses;
    auto const& its = backend.nat_addresses;
    auto const first = std::search(all.begin(), all.end(), its.begin(), its.end());
    entry.nat_first = static_cast<std::uint16_t>(first - all.begin());
    entry.nat_count = static_cast<std::uint16_t>(its.size());
    entry.source_bits = static_cast<std::uint8_t>(backend.source_bits);
}

bool insert_link(std::span<pm_link> links, Link const& link) {
    if (!link.slot) return false;
    auto& slot = links[*link.slot];
    slot.ifindex = link.ifindex;
    slot.out_flags = link.peer_elsewhere ? PM_OUT_PEER : 0;
    std::ranges::copy(link.mac, slot.mac);
    return true;
}

std::string misfit(Generation const& generation, WrittenHalf const& there, TableHalf const& half) {
    auto const is_above = [&](GenerationService const& service) {
        return static_cast<std::size_t>(service.id) >= half.services.size();
    };
    if (std::ranges::any_of(generation.services, is_above))
        return "more services than datapath.services allows";
    bool fits = true;
    generation.backends.for_each_apart_from(
        there ? there->backends : BackendList{}, [&](GenerationBackend const& backend) {
            fits = fits && static_cast<std::size_t>(backend.id) < half.backends.size();
        });
    if (!fits) return "more backends than datapath.backends allows";
    if (generation.nat_addresses.size() > half.nat_addresses.size())
        return "more than " + std::to_string(PM_NAT_ADDRESSES - 1) + " NAT addresses since the start";
    return {};
}

/// Do packets find the same services, in the same slots?
bool has_same_slots(GenerationService const& one, GenerationService const& other) {
    return one.id == other.id && one.address == other.address && one.port_first == other.port_first &&
           one.port_last == other.port_last && one.protocol == other.protocol &&
           one.own_address == other.own_address && one.maglev->empty() == other.maglev->empty();
}

std::string write_slots(Generation const& generation, std::span<pm_service_slot> slots) {
    clear(slots);
    for (auto const& service : generation.services)
        if (!insert_ports(slots, service)) return "too many service ports: " + service.name + " does not fit";
    if (!insert_pings(slots, generation) || !insert_fragments(slots, generation))
        return "too many service addresses";
    return {};
}

void write_services(Generation const& generation, TableHalf const& half, std::uint64_t ticks_per_second) {
    clear(half.services);
    for (auto const& service : generation.services)
        write_service(service, generation.number, half.services[static_cast<std::size_t>(service.id)],
                      ticks_per_second);
}

/// Only the tables that are not there yet.
void write_maglev_tables(Generation const& generation, Generation const& there, TableHalf const& half) {
    std::vector<MaglevTable const*> stands(half.services.size(), nullptr);
    for (auto const& service : there.services)
        stands[static_cast<std::size_t>(service.id)] = service.maglev.get();
    PatternChanges changes;
    for (auto const& service : generation.services) {
        auto const index = static_cast<std::size_t>(service.id);
        if (stands[index] == service.maglev.get()) continue;
        write_maglev(*service.maglev, stands[index], changes,
                     half.maglev.subspan(index * half.maglev_chunks, half.maglev_chunks));
    }
}

/// Only those that are not there yet. An entry says where in the list its NAT addresses stand.
void write_backends(Generation const& generation, Generation const& there, std::span<pm_backend> entries) {
    BackendList const none;
    bool const stay = generation.nat_addresses == there.nat_addresses;
    there.backends.for_each_apart_from(
        stay ? generation.backends : none,
        [&](GenerationBackend const& backend) { entries[static_cast<std::size_t>(backend.id)] = {}; });
    generation.backends.for_each_apart_from(
        stay ? there.backends : none, [&](GenerationBackend const& backend) {
            write_backend(backend, generation, entries[static_cast<std::size_t>(backend.id)]);
        });
}

} // namespace

std::string write_generation(Generation const& generation, TableHalf const& half, WrittenHalf& written,
                             std::uint64_t ticks_per_second) {
    if (auto why = misfit(generation, written, half); !why.empty()) return why;
    bool const is_known = written.has_value();
    auto const there = std::exchange(written, std::nullopt).value_or(Generation{}); // until it is whole again
    if (!is_known) clear(half.backends);
    if (!is_known || !std::ranges::equal(generation.services, there.services, has_same_slots) ||
        generation.nat_addresses != there.nat_addresses)
        if (auto why = write_slots(generation, half.slots); !why.empty()) return why;
    write_services(generation, half, ticks_per_second);
    write_maglev_tables(generation, there, half);
    write_backends(generation, there, half.backends);
    clear(half.nat_addresses);
    std::ranges::transform(generation.nat_addresses, half.nat_addresses.begin(),
                           [](Address const& address) { return to_abi(address); });
    clear(half.links);
    for (auto const& link : place_links(generation.links))
        if (!insert_link(half.links, link)) return "more interfaces than the datapath has room for";
    written = generation;
    return {};
}

} // namespace pointsman
