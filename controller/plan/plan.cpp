#include "controller/plan/plan.hpp"

#include "controller/plan/changes.hpp"
#include "controller/plan/eligibility.hpp"
#include "controller/plan/maglev.hpp"

#include <algorithm>
#include <set>

namespace pointsman {
namespace {

template <typename Value>
Value value_or(std::map<BackendKey, Value> const& values, BackendKey const& key, Value missing) {
    auto const found = values.find(key);
    return found == values.end() ? missing : found->second;
}

bool same_service(GenerationService const& known, Service const& wanted) {
    return known.address == wanted.address && known.port_first == wanted.port_first &&
           known.port_last == wanted.port_last && known.protocol == wanted.protocol;
}

bool same_backend(GenerationBackend const& known, Backend const& wanted) {
    return known.address == wanted.address && known.port == wanted.port;
}

/// Gives out the lowest numbers that nobody keeps.
class FreeIds {
public:
    explicit FreeIds(std::set<std::uint32_t> taken) : taken_{std::move(taken)} {}

    std::uint32_t take() {
        while (taken_.contains(next_)) ++next_;
        return next_++;
    }

private:
    std::set<std::uint32_t> taken_;
    std::uint32_t next_ = 1;
};

/// Computes the next generation from the input and the current one, service by service.
class Planning {
public:
    Planning(PlanInput const& input, Generation const& current)
        : input_{input}, current_{current}, service_ids_{taken_services()}, backend_ids_{taken_backends()} {
        next_.incarnations = current.incarnations;
        next_.nat_addresses = current.nat_addresses;
        if (next_.nat_addresses.empty()) next_.nat_addresses.emplace_back();
        next_.links = input.network.links;
    }

    Plan finish() && {
        for (auto const& service : input_.desired.services) add(service);
        next_.number = current_.number + 1;
        Plan plan{std::move(next_), {}, 0, cuts_sessions_};
        plan.changes = changes_between(current_, plan.next);
        plan.slots_moved = slots_moved_between(current_, plan.next);
        return plan;
    }

private:
    GenerationService const* known(Service const& wanted) const {
        auto const* found = current_.find(wanted.name);
        return found && same_service(*found, wanted) ? found : nullptr;
    }

    GenerationBackend const* known(Service const& service, Backend const& wanted) const {
        auto const* found = known(service) ? current_.find(BackendKey{service.name, wanted.name}) : nullptr;
        return found && same_backend(*found, wanted) ? found : nullptr;
    }

    std::set<std::uint32_t> taken_services() const {
        std::set<std::uint32_t> taken;
        for (auto const& service : input_.desired.services)
            if (auto const* found = known(service)) taken.insert(static_cast<std::uint32_t>(found->id));
        return taken;
    }

    std::set<std::uint32_t> taken_backends() const {
        std::set<std::uint32_t> taken;
        for (auto const& service : input_.desired.services)
            for (auto const& backend : service.backends)
                if (auto const* found = known(service, backend))
                    taken.insert(static_cast<std::uint32_t>(found->id));
        return taken;
    }

    void add(Service const& wanted) {
        auto const* before = known(wanted);
        GenerationService service;
        service.id = before ? before->id : ServiceId{static_cast<std::uint16_t>(service_ids_.take())};
        service.name = wanted.name;
        service.address = wanted.address;
        service.port_first = wanted.port_first;
        service.port_last = wanted.port_last;
        service.protocol = wanted.protocol;
        service.forward = wanted.forward;
        service.on_down = wanted.on_down;
        service.idle_timeout = wanted.idle_timeout;
        auto const first = next_.backends.size();
        for (auto const& backend : wanted.backends) next_.backends.push_back(describe(wanted, backend, service.id));
        std::span const backends{next_.backends.begin() + static_cast<std::ptrdiff_t>(first), next_.backends.end()};
        service.panic = decide_eligibility(backends, wanted.panic_threshold, wanted.on_down);
        for (auto& backend : backends) renew_incarnation(backend);
        service.maglev = table_of(backends, before);
        next_.services.push_back(std::move(service));
    }

    GenerationBackend describe(Service const& service, Backend const& wanted, ServiceId id) {
        BackendKey const key{service.name, wanted.name};
        auto const* before = known(service, wanted);
        GenerationBackend backend;
        backend.id = before ? before->id : BackendId{backend_ids_.take()};
        backend.service = id;
        backend.key = key;
        backend.address = wanted.address;
        backend.port = wanted.port;
        backend.weight = wanted.weight;
        backend.backup = wanted.backup;
        backend.measured = wanted.check.type == CheckType::none
                               ? MeasuredState::up
                               : value_or(input_.measured, key, MeasuredState::unknown);
        backend.admin = value_or(input_.admin, key, AdminState::ready);
        describe_way(backend, before);
        return backend;
    }

    /// A next hop that the kernel forgot stays: an aged neighbour entry is no news about the backend.
    void describe_way(GenerationBackend& backend, GenerationBackend const* before) {
        auto const found = input_.network.routes.find(backend.address);
        auto const* route = found == input_.network.routes.end() ? nullptr : &found->second;
        if (route && route->next_hop)
            backend.next_hop = route->next_hop;
        else if (before)
            backend.next_hop = before->next_hop;
        backend.nat_addresses = input_.desired.datapath.nat_addresses;
        if (backend.nat_addresses.empty() && route && route->source) backend.nat_addresses = {*route->source};
        if (backend.nat_addresses.empty() && before) backend.nat_addresses = before->nat_addresses;
        if (std::ranges::search(next_.nat_addresses, backend.nat_addresses).empty())
            next_.nat_addresses.insert(next_.nat_addresses.end(), backend.nat_addresses.begin(),
                                       backend.nat_addresses.end());
    }

    /// A new number when the id goes to another backend, or when its sessions end here.
    void renew_incarnation(GenerationBackend& backend) {
        auto const index = static_cast<std::size_t>(backend.id);
        if (next_.incarnations.size() <= index) next_.incarnations.resize(index + 1, 0);
        auto const* before = current_.find(backend.key);
        auto const same = before && before->id == backend.id && before->service == backend.service;
        auto const ends = same && before->keeps_sessions && !backend.keeps_sessions;
        if (!same || ends) ++next_.incarnations[index];
        cuts_sessions_ |= ends;
        backend.incarnation = next_.incarnations[index];
    }

    std::shared_ptr<MaglevTable const> table_of(std::span<GenerationBackend const> backends,
                                                GenerationService const* before) const {
        auto const entries = maglev_entries(backends, input_.desired.datapath.hash_seed);
        if (before && entries == maglev_entries_of(*before)) return before->maglev;
        return std::make_shared<MaglevTable const>(build_maglev(entries));
    }

    std::vector<MaglevEntry> maglev_entries_of(GenerationService const& service) const {
        std::vector<GenerationBackend> backends;
        for (auto const& backend : current_.backends)
            if (backend.service == service.id) backends.push_back(backend);
        return maglev_entries(backends, input_.desired.datapath.hash_seed);
    }

    static std::vector<MaglevEntry> maglev_entries(std::span<GenerationBackend const> backends,
                                                   std::array<std::uint8_t, 16> const& seed) {
        std::vector<MaglevEntry> entries;
        for (auto const& backend : backends)
            if (backend.eligible)
                entries.push_back({backend.id, identity_of(backend.address, backend.port, seed), backend.weight});
        return entries;
    }

    PlanInput const& input_;
    Generation const& current_;
    FreeIds service_ids_;
    FreeIds backend_ids_;
    Generation next_;
    bool cuts_sessions_ = false;
};

} // namespace

Plan plan_next(PlanInput const& input, Generation const& current) { return Planning{input, current}.finish(); }

} // namespace pointsman
