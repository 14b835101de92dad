#include "controller/plan/plan.hpp"

#include "controller/plan/changes.hpp"
#include "controller/plan/description.hpp"
#include "controller/plan/eligibility.hpp"
#include "controller/plan/free_ids.hpp"
#include "controller/plan/maglev_builds.hpp"
#include "controller/plan/plan_scope.hpp"
#include "controller/plan/service_table.hpp"

#include <algorithm>
#include <optional>
#include <set>

namespace pointsman {
namespace {

/// Computes the next generation from the input and the current one, service by service.
class Planning {
public:
    Planning(PlanInput const& input, Generation const& current)
        : input_{input}
        , only_{narrowed(input, current)}
        , current_{current}
        , lookup_{current}
        , description_{input, next_.nat_addresses}
        , builds_{input.memory} {
        if (only_) places_.emplace(*only_);
        if (!only_) keep_ids();
        next_.services.reserve(input.desired.services.size());
        next_.incarnations = current.incarnations;
        keep_nat_addresses();
        keep_link_slots();
    }

    Plan finish() && {
        for (auto const& service : input_.desired.services) {
            auto const* before = known(service, next_.services.size());
            if (only_ && !only_->services.contains(service.name))
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
    SharedBackend const* known(BackendKey const& key, Backend const& wanted, std::size_t at) {
        auto const* found = lookup_.backend(key, at);
        return found && same_backend(**found, wanted) ? found : nullptr;
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
                    backend_ids_.keep(static_cast<std::uint32_t>((*its)->id));
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
        auto backends = described(wanted, service.id, before);
        auto const treated = decide_eligibility(
            backends.now, {wanted.panic_threshold, wanted.panic_margin, before && before->panic},
            wanted.on_down);
        service.panic = treated.panic;
        auto const enough = before && before->announce ? wanted.healthy_low : wanted.healthy_high;
        service.announce = healthy_among(backends.now) >= enough;
        for (std::size_t i = 0; i < backends.now.size(); ++i)
            treat(backends.now[i], treated.of[i], backends.before[i]);
        service.maglev = table_of(backends, before);
        next_.backends.push_back(shared(std::move(backends.now), before));
        next_.services.push_back(std::move(service));
    }

    /// Those of one service, by their places.
    struct Described {
        std::vector<SharedBackend> now;
        std::vector<GenerationBackend const*> before; ///< the same in the current generation, or nullptr
    };

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

    /// With the treatment that they had.
    Described described(Service const& wanted, ServiceId id, GenerationService const* before) {
        return only_ && only_->backends ? described_anew(wanted, id) : all_described(wanted, id, before);
    }

    Described all_described(Service const& wanted, ServiceId id, GenerationService const* before) {
        auto at = current_.backends.start_of(id);
        Described all;
        for (auto const& its : wanted.backends) {
            BackendKey key{wanted.name, its.name};
            auto const* known_before = before ? known(key, its, at++) : nullptr;
            all.before.push_back(known_before ? known_before->get() : nullptr);
            all.now.push_back(describe(wanted, its, id, std::move(key), known_before));
        }
        return all;
    }

    /// Those of the scope, among the others as they are in the current generation.
    Described described_anew(Service const& wanted, ServiceId id) {
        auto const& known = *current_.backends.block_of(id);
        Described all{known, {}};
        all.before.reserve(known.size());
        for (auto const& backend : known)
            all.before.push_back(backend.get());
        for (auto const place : places_->places_in(wanted.name, known))
            all.now[place] = describe(wanted, wanted.backends[place], id, known[place]->key, &known[place]);
        return all;
    }

    /// The current generation's, if nothing changed.
    BackendList::SharedBlock shared(std::vector<SharedBackend> backends,
                                    GenerationService const* before) const {
        auto known = before ? current_.backends.block_of(before->id) : nullptr;
        if (known && *known == backends) return known;
        return std::make_shared<BackendList::Block const>(std::move(backends));
    }

    /// The current generation's, if nothing changed.
    SharedBackend describe(Service const& service, Backend const& wanted, ServiceId id, BackendKey key,
                           SharedBackend const* known) {
        auto const* before = known ? known->get() : nullptr;
        auto backend = description_.describe(service, wanted, std::move(key), before);
        backend.id = before ? before->id : static_cast<BackendId>(backend_ids_.take());
        backend.service = id;
        if (before) {
            backend.incarnation = before->incarnation;
            backend.eligible = before->eligible;
            backend.keeps_sessions = before->keeps_sessions;
        }
        return before && *before == backend ? *known
                                            : std::make_shared<GenerationBackend const>(std::move(backend));
    }

    void treat(SharedBackend& backend, Treatment const& treatment, GenerationBackend const* before) {
        auto const incarnation = incarnation_of(*backend, treatment, before);
        if (backend->eligible == treatment.eligible && backend->keeps_sessions == treatment.keeps_sessions &&
            backend->incarnation == incarnation)
            return;
        auto treated = std::make_shared<GenerationBackend>(*backend);
        treated->eligible = treatment.eligible;
        treated->keeps_sessions = treatment.keeps_sessions;
        treated->incarnation = incarnation;
        backend = std::move(treated);
    }

    /// A new number when the id goes to another backend, or when its sessions end here.
    std::uint32_t incarnation_of(GenerationBackend const& backend, Treatment const& treatment,
                                 GenerationBackend const* before) {
        auto const index = static_cast<std::size_t>(backend.id);
        if (next_.incarnations.size() <= index) next_.incarnations.resize(index + 1, 0);
        auto const ends = before && before->keeps_sessions && !treatment.keeps_sessions;
        if (!before || ends) ++next_.incarnations[index];
        cuts_sessions_ |= ends;
        return next_.incarnations[index];
    }

    std::shared_ptr<MaglevTable const> table_of(Described const& backends, GenerationService const* before) {
        auto const& seed = input_.desired.datapath.hash_seed;
        if (before && fill_same_table(current_.backends.of(before->id), backends.now)) return before->maglev;
        auto change = before ? change_since(*before->maglev, backends) : std::nullopt;
        if (change)
            if (auto known = builds_.after(*change))
                return std::make_shared<MaglevTable const>(std::move(*known), before->maglev->ids());
        auto table = builds_.table_of(maglev_entries(backends.now, seed));
        if (change) builds_.note(std::move(*change), table->pattern());
        return table;
    }

    /// nullopt: the table was not made of the same backends.
    std::optional<TableChange> change_since(MaglevTable const& was, Described const& backends) const {
        auto const id_of = [](SharedBackend const& backend) { return backend->id; };
        if (!std::ranges::equal(was.ids(), backends.now, {}, {}, id_of)) return std::nullopt;
        TableChange change{was.pattern().get(), {}};
        for (std::size_t place = 0; place < backends.now.size(); ++place) {
            if (backends.now[place].get() == backends.before[place]) continue;
            auto const entry = maglev_entry(*backends.now[place], input_.desired.datapath.hash_seed);
            change.now.push_back({place, entry.identity, entry.weight});
        }
        return change;
    }

    PlanInput const& input_;
    PlanScope const* only_; ///< nullptr: everything is looked at
    Generation const& current_;
    Generation next_;
    GenerationLookup lookup_;
    Description description_;
    std::optional<PlaceSearch> places_; ///< of the scope
    MaglevBuilds builds_;
    FreeIds service_ids_;
    FreeIds backend_ids_;
    bool cuts_sessions_ = false;
};

} // namespace

Plan plan_next(PlanInput const& input, Generation const& current) {
    return Planning{input, current}.finish();
}

} // namespace pointsman
