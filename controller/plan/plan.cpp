#include "controller/plan/plan.hpp"

#include "controller/model/key_cursor.hpp"
#include "controller/plan/changes.hpp"
#include "controller/plan/eligibility.hpp"
#include "controller/plan/maglev_builds.hpp"

#include <algorithm>
#include <span>

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

std::vector<GenerationBackend const*> takers_among(std::span<GenerationBackend const> backends) {
    std::vector<GenerationBackend const*> takers;
    takers.reserve(backends.size());
    for (auto const& backend : backends)
        if (backend.eligible) takers.push_back(&backend);
    return takers;
}

unsigned slot_weight(GenerationBackend const& backend) {
    return backend.weight * backend.ramp;
}

/// Is their Maglev table the same? Told without the hashes that the table is made of.
bool fill_same_table(std::span<GenerationBackend const> was, std::span<GenerationBackend const> now) {
    auto const is_same = [](GenerationBackend const* one, GenerationBackend const* other) {
        return one->id == other->id && one->address == other->address && one->port == other->port &&
               slot_weight(*one) == slot_weight(*other);
    };
    return std::ranges::equal(takers_among(was), takers_among(now), is_same);
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
        , lookup_{current}
        , measured_{input.measured}
        , admin_{input.admin}
        , adjust_{input.adjust} {
        find_backends_of_services();
        keep_ids();
        next_.incarnations = current.incarnations;
        keep_nat_addresses();
        keep_link_slots();
    }

    Plan finish() && {
        std::size_t first = 0;
        for (auto const& service : input_.desired.services) {
            add(service, first);
            first += service.backends.size();
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
        return found && same_service(*found, wanted) ? found : nullptr;
    }

    /// A service's backends stand side by side.
    void find_backends_of_services() {
        auto const end = current_.backends.end();
        for (auto first = current_.backends.begin(); first != end;) {
            auto const is_others = [&](GenerationBackend const& each) {
                return each.service != first->service;
            };
            auto const last = std::find_if(first, end, is_others);
            auto const index = static_cast<std::size_t>(first->service);
            if (current_backends_.size() <= index) current_backends_.resize(index + 1);
            current_backends_[index] = {first, last};
            first = last;
        }
    }

    [[nodiscard]] std::span<GenerationBackend const> backends_of(GenerationService const& service) const {
        auto const index = static_cast<std::size_t>(service.id);
        return index < current_backends_.size() ? current_backends_[index]
                                                : std::span<GenerationBackend const>{};
    }

    /// Finds every service and backend that is known already, and names the backends of the next generation.
    void keep_ids() {
        next_.backends.reserve(current_.backends.size());
        backends_before_.reserve(current_.backends.size());
        for (auto const& service : input_.desired.services) {
            auto const* before = known(service, services_before_.size());
            services_before_.push_back(before);
            if (before) service_ids_.keep(static_cast<std::uint32_t>(before->id));
            for (auto const& backend : service.backends)
                name(service, backend, before != nullptr);
        }
    }

    void name(Service const& service, Backend const& wanted, bool service_is_known) {
        auto const at = next_.backends.size();
        auto const& key = next_.backends.emplace_back().key = {service.name, wanted.name};
        auto const* found = service_is_known ? lookup_.backend(key, at) : nullptr;
        auto const* before = found && same_backend(*found, wanted) ? found : nullptr;
        backends_before_.push_back(before);
        if (before) backend_ids_.keep(static_cast<std::uint32_t>(before->id));
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

    /// @param first index of its first backend.
    void add(Service const& wanted, std::size_t first) {
        auto const* before = services_before_[next_.services.size()];
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
        auto const backends = std::span{next_.backends}.subspan(first, wanted.backends.size());
        for (std::size_t i = 0; i < backends.size(); ++i)
            describe(wanted, wanted.backends[i], service.id, backends[i], backends_before_[first + i]);
        service.panic = decide_eligibility(
            backends, {wanted.panic_threshold, wanted.panic_margin, before && before->panic}, wanted.on_down);
        auto const enough = before && before->announce ? wanted.healthy_low : wanted.healthy_high;
        service.announce = healthy_among(backends) >= enough;
        for (std::size_t i = 0; i < backends.size(); ++i)
            renew_incarnation(backends[i], backends_before_[first + i]);
        service.maglev = table_of(backends, before);
        next_.services.push_back(std::move(service));
    }

    void describe(Service const& service, Backend const& wanted, ServiceId id, GenerationBackend& backend,
                  GenerationBackend const* before) {
        auto const& key = backend.key;
        backend.id = before ? before->id : BackendId{backend_ids_.take()};
        backend.service = id;
        backend.address = wanted.address;
        backend.port = wanted.port;
        auto const adjusted = adjust_.value_or(key, Adjustment{});
        backend.weight = adjusted.weight.value_or(wanted.weight);
        backend.ramp = adjusted.ramp;
        backend.backup = wanted.backup;
        backend.measured = wanted.check.type == CheckType::none && wanted.more_checks.empty()
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
        if (before && fill_same_table(backends_of(*before), backends)) return before->maglev;
        return builds_.table_of(maglev_entries(backends, input_.desired.datapath.hash_seed));
    }

    static std::vector<MaglevEntry> maglev_entries(std::span<GenerationBackend const> backends,
                                                   std::array<std::uint8_t, 16> const& seed) {
        std::vector<MaglevEntry> entries;
        for (auto const& backend : backends)
            if (backend.eligible)
                entries.push_back(
                    {backend.id, identity_of(backend.address, backend.port, seed), slot_weight(backend)});
        return entries;
    }

    PlanInput const& input_;
    Generation const& current_;
    GenerationLookup lookup_;
    KeyCursor<BackendKey, MeasuredState> measured_;
    KeyCursor<BackendKey, AdminState> admin_;
    KeyCursor<BackendKey, Adjustment> adjust_;
    std::vector<std::span<GenerationBackend const>> current_backends_; ///< by service id
    std::vector<GenerationService const*> services_before_; ///< by index: the same service in `current_`
    std::vector<GenerationBackend const*> backends_before_; ///< by index: the same backend there
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
