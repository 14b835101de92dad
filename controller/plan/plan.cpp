#include "controller/plan/plan.hpp"

#include "controller/plan/changes.hpp"
#include "controller/plan/eligibility.hpp"
#include "controller/plan/maglev.hpp"

#include <algorithm>
#include <span>

namespace pointsman {
namespace {

template<typename Value>
Value value_or(std::map<BackendKey, Value> const& values, BackendKey const& key, Value missing) {
    auto const found = values.find(key);
    return found == values.end() ? missing : found->second;
}

bool same_service(GenerationService const& known, Service const& wanted) {
    return known.address == wanted.address && known.port_first == wanted.port_first &&
           known.port_last == wanted.port_last && known.protocol == wanted.protocol &&
           known.forward == wanted.forward && known.source == wanted.source;
}

bool same_backend(GenerationBackend const& known, Backend const& wanted) {
    return known.address == wanted.address && known.port == wanted.port;
}

/// Gives out the lowest numbers that nobody keeps.
class FreeIds {
public:
    void keep(std::uint32_t id) {
        if (taken_.size() <= id) taken_.resize(id + 1, false);
        taken_[id] = true;
    }

    std::uint32_t take() {
        while (next_ < taken_.size() && taken_[next_])
            ++next_;
        return next_++;
    }

private:
    std::vector<bool> taken_;
    std::uint32_t next_ = 1;
};

/// Computes the next generation from the input and the current one, service by service.
class Planning {
public:
    Planning(PlanInput const& input, Generation const& current)
        : input_{input}
        , current_{current}
        , lookup_{current} {
        keep_ids();
        next_.incarnations = current.incarnations;
        keep_nat_addresses();
        keep_link_slots();
    }

    Plan finish() && {
        for (auto const& service : input_.desired.services)
            add(service);
        next_.number = current_.number + 1;
        Plan plan{std::move(next_), {}, 0, cuts_sessions_};
        plan.changes = changes_between(current_, plan.next);
        plan.slots_moved = slots_moved_between(current_, plan.next);
        return plan;
    }

private:
    GenerationService const* known(Service const& wanted, std::size_t at) const {
        auto const* found = lookup_.service(wanted.name, at);
        return found && same_service(*found, wanted) ? found : nullptr;
    }

    /// The same backend of a service that is known; `at` is where it was if nothing was added or removed.
    GenerationBackend const* known(GenerationService const* service, BackendKey const& key,
                                   Backend const& wanted, std::size_t at) {
        auto const* found = service ? lookup_.backend(key, at) : nullptr;
        return found && same_backend(*found, wanted) ? found : nullptr;
    }

    void keep_ids() {
        std::size_t at = 0;
        for (std::size_t i = 0; i < input_.desired.services.size(); ++i) {
            auto const& service = input_.desired.services[i];
            auto const* before = known(service, i);
            if (before) service_ids_.keep(static_cast<std::uint32_t>(before->id));
            for (auto const& backend : service.backends)
                if (auto const* found = known(before, {service.name, backend.name}, backend, at++))
                    backend_ids_.keep(static_cast<std::uint32_t>(found->id));
        }
    }

    /// An index stays with its address, because sessions hold it. When the table is full, it starts anew:
    /// established flows whose address moves end.
    void keep_nat_addresses() {
        if (current_.nat_addresses.size() < nat_address_room / 2)
            next_.nat_addresses = current_.nat_addresses;
        if (next_.nat_addresses.empty()) next_.nat_addresses.emplace_back();
    }

    /// Sessions name the interface that their client's packets come by, and counters go on, by its slot.
    void keep_link_slots() {
        auto links = input_.network.links;
        for (auto& link : links) {
            auto const before = std::ranges::find(current_.links, link.ifindex, &Link::ifindex);
            if (before != current_.links.end()) link.slot = before->slot;
        }
        next_.links = place_links(std::move(links));
    }

    void add(Service const& wanted) {
        auto const* before = known(wanted, next_.services.size());
        GenerationService service;
        service.id = before ? before->id : ServiceId{static_cast<std::uint16_t>(service_ids_.take())};
        service.name = wanted.name;
        service.address = wanted.address;
        service.port_first = wanted.port_first;
        service.port_last = wanted.port_last;
        service.protocol = wanted.protocol;
        service.forward = wanted.forward;
        service.source = wanted.source;
        service.gue_port = wanted.gue_port;
        service.mss_clamp = wanted.mss_clamp;
        service.own_address = input_.network.own.contains(wanted.address);
        service.on_down = wanted.on_down;
        service.idle_timeout = wanted.idle_timeout;
        auto const first = next_.backends.size();
        for (auto const& backend : wanted.backends)
            describe(wanted, backend, service.id, before);
        std::span const backends{next_.backends.begin() + static_cast<std::ptrdiff_t>(first),
                                 next_.backends.end()};
        service.panic = decide_eligibility(
            backends, {wanted.panic_threshold, wanted.panic_margin, before && before->panic}, wanted.on_down);
        auto const enough = before && before->announce ? wanted.healthy_low : wanted.healthy_high;
        service.announce = healthy_among(backends) >= enough;
        for (auto& backend : backends)
            renew_incarnation(backend, before != nullptr);
        service.maglev = table_of(backends, before);
        next_.services.push_back(std::move(service));
    }

    void describe(Service const& service, Backend const& wanted, ServiceId id,
                  GenerationService const* known_service) {
        BackendKey const key{service.name, wanted.name};
        auto const* before = known(known_service, key, wanted, next_.backends.size());
        auto& backend = next_.backends.emplace_back();
        backend.id = before ? before->id : BackendId{backend_ids_.take()};
        backend.service = id;
        backend.key = key;
        backend.address = wanted.address;
        backend.port = wanted.port;
        auto const adjusted = value_or(input_.adjust, key, Adjustment{});
        backend.weight = adjusted.weight.value_or(wanted.weight);
        backend.ramp = adjusted.ramp;
        backend.backup = wanted.backup;
        backend.measured = wanted.check.type == CheckType::none && wanted.more_checks.empty()
                               ? MeasuredState::up
                               : value_or(input_.measured, key, MeasuredState::unknown);
        backend.admin = value_or(input_.admin, key, AdminState::ready);
        describe_way(service, backend, before);
        if (service.forward == Forward::dsr && backend.next_hop && backend.next_hop->is_router)
            backend.next_hop.reset(); // which would send the packet back to whoever has the service's address
    }

    /// A next hop that the kernel forgot stays: an aged neighbour entry is no news about the backend.
    void describe_way(Service const& service, GenerationBackend& backend, GenerationBackend const* before) {
        auto const found = input_.network.routes.find(backend.address);
        auto const* route = found == input_.network.routes.end() ? nullptr : &found->second;
        if (route && route->next_hop)
            backend.next_hop = route->next_hop;
        else if (before)
            backend.next_hop = before->next_hop;
        describe_sources(service.forward, backend);
        if (backend.nat_addresses.empty() && route && route->source) backend.nat_addresses = {*route->source};
        if (backend.nat_addresses.empty() && before) {
            backend.nat_addresses = before->nat_addresses;
            backend.source_bits = before->source_bits;
        }
        keep_side_by_side(backend.nat_addresses);
    }

    /// As configured for the family of its address.
    void describe_sources(Forward forward, GenerationBackend& backend) const {
        auto const& datapath = input_.desired.datapath;
        auto const is_alike = [&](Address const& address) {
            return address.is_v4() == backend.address.is_v4();
        };
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
    void keep_side_by_side(std::vector<Address> const& wanted) {
        auto& all = next_.nat_addresses;
        if (std::search(all.begin(), all.end(), wanted.begin(), wanted.end()) == all.end())
            all.insert(all.end(), wanted.begin(), wanted.end());
    }

    /// A new number when the id goes to another backend, or when its sessions end here.
    void renew_incarnation(GenerationBackend& backend, bool service_is_known) {
        auto const index = static_cast<std::size_t>(backend.id);
        if (next_.incarnations.size() <= index) next_.incarnations.resize(index + 1, 0);
        auto const at = static_cast<std::size_t>(&backend - next_.backends.data());
        auto const* before = lookup_.backend(backend.key, at);
        auto const same = service_is_known && before && before->id == backend.id &&
                          before->address == backend.address && before->port == backend.port;
        auto const ends = same && before->keeps_sessions && !backend.keeps_sessions;
        if (!same || ends) ++next_.incarnations[index];
        cuts_sessions_ |= ends;
        backend.incarnation = next_.incarnations[index];
    }

    std::shared_ptr<MaglevTable const> table_of(std::span<GenerationBackend const> backends,
                                                GenerationService const* before) const {
        auto const& seed = input_.desired.datapath.hash_seed;
        auto const entries = maglev_entries(backends, seed);
        if (before && entries == maglev_entries(backends_of(*before), seed)) return before->maglev;
        return std::make_shared<MaglevTable const>(build_maglev(entries));
    }

    /// A service's backends stand side by side.
    std::span<GenerationBackend const> backends_of(GenerationService const& service) const {
        auto const is_its = [&](GenerationBackend const& backend) { return backend.service == service.id; };
        auto const first = std::ranges::find_if(current_.backends, is_its);
        auto const last = std::find_if_not(first, current_.backends.end(), is_its);
        return {first, last};
    }

    static std::vector<MaglevEntry> maglev_entries(std::span<GenerationBackend const> backends,
                                                   std::array<std::uint8_t, 16> const& seed) {
        std::vector<MaglevEntry> entries;
        for (auto const& backend : backends)
            if (backend.eligible)
                entries.push_back({backend.id, identity_of(backend.address, backend.port, seed),
                                   backend.weight * backend.ramp});
        return entries;
    }

    PlanInput const& input_;
    Generation const& current_;
    GenerationLookup lookup_;
    FreeIds service_ids_;
    FreeIds backend_ids_;
    Generation next_;
    bool cuts_sessions_ = false;
};

} // namespace

Plan plan_next(PlanInput const& input, Generation const& current) {
    return Planning{input, current}.finish();
}

} // namespace pointsman
