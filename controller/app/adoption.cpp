#include "controller/app/adoption.hpp"

#include "controller/model/names.hpp"
#include "controller/plan/maglev.hpp"

#include <algorithm>
#include <span>

namespace pointsman {
namespace {

template<typename Known, typename Wanted>
bool same_endpoint(Known const& known, Wanted const& wanted) {
    return known.address == wanted.address && known.port_first == wanted.port_first &&
           known.port_last == wanted.port_last && known.protocol == wanted.protocol;
}

template<typename Known, typename Wanted>
bool same_server(Known const& known, Wanted const& wanted) {
    return known.address == wanted.address && known.port == wanted.port;
}

template<typename Values, typename Is>
auto const* find(Values const& values, Is is) {
    auto const found = std::ranges::find_if(values, is);
    return found == values.end() ? nullptr : &*found;
}

std::string server_text(Address const& address, unsigned port) {
    return address.text() + ":" + std::to_string(port);
}

std::vector<GenerationBackend> copy_of(BackendList const& backends) {
    return {backends.begin(), backends.end()};
}

unsigned eligible_of(GenerationService const& service, std::span<GenerationBackend const> backends) {
    return static_cast<unsigned>(std::ranges::count_if(
        backends, [&](auto const& backend) { return backend.service == service.id && backend.eligible; }));
}

CheckStates all_up(Backend const& backend) {
    CheckStates states;
    auto const add = [&](Check const& check) {
        if (check.type != CheckType::none)
            states[std::string{name_of(check)}] = HealthState{.state = MeasuredState::up};
    };
    add(*backend.check);
    std::ranges::for_each(backend.more_checks, add);
    return states;
}

/// Gives the kernel's generation its names, and what follows from the file or, failing that, from the tables.
class Naming {
public:
    Naming(Inheritance const& inherited, DesiredState const& desired)
        : saved_{inherited.saved ? &*inherited.saved : nullptr}
        , desired_{desired} {}

    void name(Generation& tables, Adopted& out) const {
        auto backends = copy_of(tables.backends);
        for (auto& service : tables.services)
            name(service, backends, out);
        tables.backends = BackendList{std::move(backends)};
    }

private:
    void name(GenerationService& service, std::span<GenerationBackend> backends, Adopted& out) const {
        auto const* saved =
            saved_
                ? find(saved_->services,
                       [&](SavedService const& s) { return s.id == service.id && same_endpoint(service, s); })
                : nullptr;
        auto const* wanted = find(desired_.services, [&](Service const& s) {
            return same_endpoint(service, s) && (!saved || saved->name == s.name);
        });
        service.name = saved    ? saved->name
                       : wanted ? wanted->name
                                : server_text(service.address, service.port_first);
        service.panic = saved && saved->panic;
        service.announce =
            saved ? saved->announce : wanted && eligible_of(service, backends) >= wanted->healthy_low;
        for (auto& backend : backends)
            if (backend.service == service.id) name(backend, service.name, saved, wanted, out);
    }

    static void name(GenerationBackend& backend, std::string const& service,
                     SavedService const* saved_service, Service const* wanted_service, Adopted& out) {
        auto const* saved =
            saved_service
                ? find(saved_service->backends,
                       [&](SavedBackend const& b) { return b.id == backend.id && same_server(backend, b); })
                : nullptr;
        auto const* wanted =
            wanted_service ? find(wanted_service->backends,
                                  [&](Backend const& b) {
                                      return same_server(backend, b) && (!saved || saved->name == b.name);
                                  })
                           : nullptr;
        backend.key = {service, saved    ? saved->name
                                : wanted ? wanted->name
                                         : server_text(backend.address, backend.port)};
        backend.weight = saved ? saved->weight : wanted ? wanted->weight : 0;
        backend.ramp = saved ? saved->ramp : full_ramp;
        if (saved) backend.weight_percent = saved->weight_percent;
        backend.backup = saved ? saved->backup : wanted && wanted->backup;
        judge(backend, saved, wanted, out);
    }

    /// A file that was written before the last generation is wrong about what this one changed: then the
    /// first probe decides about a backend that takes no new flows.
    static void judge(GenerationBackend& backend, SavedBackend const* saved, Backend const* wanted,
                      Adopted& out) {
        auto const agrees =
            saved && saved->incarnation == backend.incarnation && saved->eligible == backend.eligible;
        backend.measured = agrees             ? saved->ruled.value_or(conjunction(saved->checks))
                           : backend.eligible ? MeasuredState::up
                                              : MeasuredState::unknown;
        backend.keeps_sessions = agrees ? saved->keeps_sessions : backend.eligible;
        if (saved && saved->order) backend.admin = saved->order->state;
        if (!wanted) return;
        if (agrees && !saved->checks.empty()) out.health[backend.key] = saved->checks;
        if (!agrees && backend.eligible) out.health[backend.key] = all_up(*wanted);
        if (agrees && saved->story) out.stories[backend.key] = *saved->story;
    }

    SavedState const* saved_;
    DesiredState const& desired_;
};

/// Of each backend of the file that is still configured.
template<typename Each>
void for_each_saved(SavedState const& saved, DesiredState const& desired, Each each) {
    for (auto const& service : saved.services) {
        auto const* wanted = find(desired.services, [&](Service const& s) {
            return s.name == service.name && same_endpoint(service, s);
        });
        if (!wanted) continue;
        for (auto const& backend : service.backends)
            if (find(wanted->backends,
                     [&](Backend const& b) { return b.name == backend.name && same_server(backend, b); }))
                each(BackendKey{service.name, backend.name}, backend);
    }
}

/// A slow start and a fall that waits are about packets that go on; who takes them, the tables know best.
/// @param used of the tables; nullptr: it is not there, or they cannot be read.
Past past_of(SavedBackend const& saved, Inheritance const& inherited, GenerationBackend const* used) {
    auto past = *saved.past;
    bool const takes = used && works(used->measured);
    if (!inherited.continues) past.rising.reset();
    if (!inherited.continues || (inherited.tables && !takes)) past.held_for.reset();
    if (inherited.tables) past.needed = is_ruled_out(past) && takes;
    return past;
}

/// plan_next takes over a Maglev table whose backends and weights are as they were. Here the weights may be
/// guesses: a table that they do not explain is one that no plan will take over.
void distrust_unexplained_tables(Generation& tables, DesiredState const& desired) {
    auto backends = copy_of(tables.backends);
    for (auto& service : tables.services) {
        std::vector<MaglevEntry> entries;
        for (auto const& backend : backends)
            if (backend.service == service.id && backend.eligible)
                entries.push_back({backend.id,
                                   identity_of(backend.address, backend.port, desired.datapath.hash_seed),
                                   backend.slot_weight()});
        if (build_maglev(entries) == *service.maglev) continue;
        service.maglev = std::make_shared<MaglevTable const>();
        for (auto& backend : backends)
            if (backend.service == service.id) backend.eligible = false;
    }
    tables.backends = BackendList{std::move(backends)};
}

/// New tables may be smaller.
void give_up_ids_above(Generation& tables, std::uint32_t services, std::uint32_t backends) {
    auto const is_above = [services](ServiceId id) { return static_cast<std::uint32_t>(id) >= services; };
    std::erase_if(tables.services, [&](auto const& service) { return is_above(service.id); });
    auto kept = copy_of(tables.backends);
    std::erase_if(kept, [&](auto const& backend) {
        return is_above(backend.service) || static_cast<std::uint32_t>(backend.id) >= backends;
    });
    tables.backends = BackendList{std::move(kept)};
    if (tables.incarnations.size() > backends) tables.incarnations.resize(backends);
}

} // namespace

Adopted adopt(Inheritance const& inherited, DesiredState const& desired) {
    Adopted out;
    if (inherited.tables) {
        out.current = *inherited.tables;
        Naming{inherited, desired}.name(out.current, out);
        give_up_ids_above(out.current, inherited.service_room, inherited.backend_room);
        distrust_unexplained_tables(out.current, desired);
    } else if (inherited.saved && inherited.continues) {
        out.current.number = inherited.saved->generation;
    }
    if (!inherited.saved) return out;
    for_each_saved(*inherited.saved, desired, [&](BackendKey const& key, SavedBackend const& backend) {
        auto const is_unread = inherited.continues && !inherited.tables;
        if (is_unread && !backend.checks.empty()) out.health[key] = backend.checks;
        if (is_unread && backend.story) out.stories[key] = *backend.story;
        if (backend.order) out.orders[key] = *backend.order;
        if (backend.weight_order) out.weights[key] = *backend.weight_order;
        if (backend.past) out.pasts[key] = past_of(backend, inherited, out.current.find(key));
        if (backend.order && backend.story) out.stories[key] = *backend.story;
        out.transitions[key] = backend.transitions;
    });
    return out;
}

} // namespace pointsman
