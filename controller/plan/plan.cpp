#include "controller/plan/plan.hpp"

#include "controller/model/key_cursor.hpp"
#include "controller/plan/changes.hpp"
#include "controller/plan/eligibility.hpp"
#include "controller/plan/free_ids.hpp"
#include "controller/plan/maglev_builds.hpp"
#include "controller/plan/service_table.hpp"

#include <algorithm>
#include <set>

namespace pointsman {
namespace {

bool same_service(GenerationService const& known, Service const& wanted) {
    return known.address == wanted.address && known.port_first == wanted.port_first &&
           known.port_last == wanted.port_last && known.protocol == wanted.protocol &&
           known.forward == wanted.forward && known.source == wanted.source;
}

bool same_backend(GenerationBackend const& known, Backend const& wanted) {
    return known.address == wanted.address && known.port == wanted.port;
}

/// The services to look at, or nullptr: all. A few suffice where the current generation has the same services
/// with, in those few, the same backends: then nobody needs a new id.
std::set<std::string> const* narrowed(PlanInput const& input, Generation const& current) {
    auto const& wanted = input.desired.services;
    if (!input.only || wanted.size() != current.services.size()) return nullptr;
    std::size_t found = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        if (wanted[i].name != current.services[i].name) return nullptr;
        if (!input.only->contains(wanted[i].name)) continue;
        ++found;
        auto const known = current.backends.of(current.services[i].id);
        auto const is_same = [&](Backend const& backend, GenerationBackend const& its) {
            return backend.name == its.key.backend && its.key.service == wanted[i].name &&
                   same_backend(its, backend);
        };
        if (!same_service(current.services[i], wanted[i]) ||
            !std::ranges::equal(wanted[i].backends, known, is_same))
            return nullptr;
    }
    return found == input.only->size() ? input.only : nullptr;
}

/// Computes the next generation from the input and the current one, service by service.
class Planning {
public:
    Planning(PlanInput const& input, Generation const& current)
        : input_{input}
        , only_{narrowed(input, current)}
        , current_{current}
        , lookup_{current}
        , measured_{input.measured}
        , admin_{input.admin}
        , adjust_{input.adjust} {
        if (!only_) keep_ids();
        next_.services.reserve(input.desired.services.size());
        next_.incarnations = current.incarnations;
        keep_nat_addresses();
        keep_link_slots();
    }

    Plan finish() && {
        for (auto const& service : input_.desired.services) {
            auto const* before = known(service, next_.services.size());
            if (only_ && !only_->contains(service.name))
                leave_alone(*before);
            else
                add(service, before);
        }
        next_.number = current_.number + 1;
        Plan plan{std::move(next_), {}, 0, cuts_sessions_};
        plan.changes = changes_between(current_, plan.next);
        plan.slots_moved = slots_moved_between(current_, plan.next);
        return plan;
    }

private:
    GenerationService const* known(Service const& wanted, std::size_t at) const {
        auto const* found = lookup_.service(wanted.name, at);
        return found && (same_service(*found, wanted) || only_) ? found : nullptr;
    }

    /// The same backend in the current generation.
    GenerationBackend const* known(BackendKey const& key, Backend const& wanted, std::size_t at) {
        auto const* found = lookup_.backend(key, at);
        return found && same_backend(*found, wanted) ? found : nullptr;
    }

    /// No id of a service or backend that stays is given to another one.
    void keep_ids() {
        std::size_t index = 0;
        for (auto const& service : input_.desired.services) {
            auto const* before = known(service, index++);
            if (!before) continue;
            auto at = current_.backends.start_of(before->id);
            service_ids_.keep(static_cast<std::uint32_t>(before->id));
            for (auto const& backend : service.backends)
                if (auto const* its = known({service.name, backend.name}, backend, at++))
                    backend_ids_.keep(static_cast<std::uint32_t>(its->id));
        }
    }

    /// An index stays with its address, because sessions hold it. When the table is full, it starts anew:
    /// established flows whose address moves end. Services that are left alone need theirs where they are.
    void keep_nat_addresses() {
        if (only_ || current_.nat_addresses.size() < nat_address_room / 2)
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

    void leave_alone(GenerationService const& service) {
        next_.services.push_back(service);
        next_.backends.push_back(current_.backends.block_of(service.id));
    }

    void add(Service const& wanted, GenerationService const* before) {
        auto service = defined(wanted, before);
        std::vector<GenerationBackend const*> its_before;
        auto backends = described(wanted, service.id, before, its_before);
        service.panic = decide_eligibility(
            backends, {wanted.panic_threshold, wanted.panic_margin, before && before->panic}, wanted.on_down);
        auto const enough = before && before->announce ? wanted.healthy_low : wanted.healthy_high;
        service.announce = healthy_among(backends) >= enough;
        for (std::size_t i = 0; i < backends.size(); ++i)
            renew_incarnation(backends[i], its_before[i]);
        service.maglev = table_of(backends, before);
        next_.backends.push_back(shared(std::move(backends), before));
        next_.services.push_back(std::move(service));
    }

    /// As configured.
    GenerationService defined(Service const& wanted, GenerationService const* before) {
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
        service.second_chance =
            wanted.second_chance && wanted.protocol == Protocol::tcp && wanted.backends.size() > 1;
        service.idle_timeout = wanted.idle_timeout;
        service.half_open_timeout = wanted.half_open_timeout;
        service.closing_timeout = wanted.closing_timeout;
        return service;
    }

    /// @param its_before out, by index: the same backend in the current generation.
    std::vector<GenerationBackend> described(Service const& wanted, ServiceId id,
                                             GenerationService const* before,
                                             std::vector<GenerationBackend const*>& its_before) {
        auto at = current_.backends.start_of(id);
        std::vector<GenerationBackend> backends(wanted.backends.size());
        its_before.reserve(backends.size());
        for (std::size_t i = 0; i < backends.size(); ++i) {
            auto const& its = wanted.backends[i];
            backends[i].key = {wanted.name, its.name};
            its_before.push_back(before ? known(backends[i].key, its, at++) : nullptr);
            describe(wanted, its, id, backends[i], its_before.back());
        }
        return backends;
    }

    /// The current generation's, if nothing changed.
    BackendList::SharedBlock shared(std::vector<GenerationBackend> backends,
                                    GenerationService const* before) const {
        auto known = before ? current_.backends.block_of(before->id) : nullptr;
        if (known && *known == backends) return known;
        return std::make_shared<BackendList::Block>(std::move(backends));
    }

    void describe(Service const& service, Backend const& wanted, ServiceId id, GenerationBackend& backend,
                  GenerationBackend const* before) {
        auto const& key = backend.key;
        backend.id = before ? before->id : static_cast<BackendId>(backend_ids_.take());
        backend.service = id;
        backend.address = wanted.address;
        backend.port = wanted.port;
        auto const adjusted = adjust_.value_or(key, Adjustment{});
        backend.weight = adjusted.weight.value_or(wanted.weight);
        backend.ramp = adjusted.ramp;
        backend.weight_percent = adjusted.weight_percent;
        backend.backup = wanted.backup;
        backend.measured = wanted.check->type == CheckType::none && wanted.more_checks.empty()
                               ? MeasuredState::up
                               : measured_.value_or(key, MeasuredState::unknown);
        backend.admin = admin_.value_or(key, AdminState::ready);
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
    void renew_incarnation(GenerationBackend& backend, GenerationBackend const* before) {
        auto const index = static_cast<std::size_t>(backend.id);
        if (next_.incarnations.size() <= index) next_.incarnations.resize(index + 1, 0);
        auto const ends = before && before->keeps_sessions && !backend.keeps_sessions;
        if (!before || ends) ++next_.incarnations[index];
        cuts_sessions_ |= ends;
        backend.incarnation = next_.incarnations[index];
    }

    std::shared_ptr<MaglevTable const> table_of(std::span<GenerationBackend const> backends,
                                                GenerationService const* before) {
        if (before && fill_same_table(current_.backends.of(before->id), backends)) return before->maglev;
        return builds_.table_of(maglev_entries(backends, input_.desired.datapath.hash_seed));
    }

    PlanInput const& input_;
    std::set<std::string> const* only_; ///< nullptr: all services are looked at
    Generation const& current_;
    GenerationLookup lookup_;
    KeyCursor<BackendKey, MeasuredState> measured_;
    KeyCursor<BackendKey, AdminState> admin_;
    KeyCursor<BackendKey, Adjustment> adjust_;
    MaglevBuilds builds_;
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
