#include "controller/plan/changes.hpp"

#include "controller/model/names.hpp"
#include "controller/plan/maglev.hpp"

#include <span>
#include <utility>

namespace pointsman {
namespace {

constexpr char const* absent = "absent";

std::string describe(MssClamp clamp) {
    if (clamp == MssClamp::off) return {};
    return " mss_clamp=" +
           (clamp == MssClamp::automatic ? "auto" : std::to_string(static_cast<unsigned>(clamp)));
}

std::string describe(GenerationService const& service) {
    auto text = endpoint_text(service.address, service.port_first);
    if (service.port_last != service.port_first) text += "-" + std::to_string(service.port_last);
    return text + "/" + std::string{name_of(service.protocol)} +
           " forward=" + std::string{name_of(service.forward)} +
           (service.source == Source::client ? " source=client" : "") +
           " on_down=" + std::string{name_of(service.on_down)} +
           (service.second_chance ? " second_chance" : "") + describe(service.mss_clamp);
}

std::string describe(std::optional<NextHop> const& next_hop) {
    if (!next_hop) return "unresolved";
    std::string text = "if" + std::to_string(next_hop->ifindex) + " ";
    constexpr char const* digits = "0123456789abcdef";
    for (auto const octet : next_hop->mac) {
        if (text.back() != ' ') text += ':';
        text += digits[octet >> 4];
        text += digits[octet & 15];
    }
    if (next_hop->mtu != 0) text += " mtu " + std::to_string(next_hop->mtu);
    return text;
}

std::string weight_text(GenerationBackend const& backend) {
    auto text = std::to_string(backend.weight);
    if (backend.ramp < full_ramp) text += " at " + std::to_string(backend.ramp * 100 / full_ramp) + " %";
    if (backend.weight_percent != 100) text += ", agent " + std::to_string(backend.weight_percent) + " %";
    return text;
}

char const* on_or_off(bool on) {
    return on ? "on" : "off";
}

std::string state_text(GenerationBackend const& backend) {
    return std::string{name_of(backend.state())};
}

bool same_definition(GenerationService const& was, GenerationService const& now) {
    return was.address == now.address && was.port_first == now.port_first && was.port_last == now.port_last &&
           was.protocol == now.protocol && was.forward == now.forward && was.source == now.source &&
           was.gue_port == now.gue_port && was.mss_clamp == now.mss_clamp &&
           was.own_address == now.own_address && was.on_down == now.on_down &&
           was.second_chance == now.second_chance && was.idle_timeout == now.idle_timeout &&
           was.half_open_timeout == now.half_open_timeout && was.closing_timeout == now.closing_timeout;
}

void compare(GenerationService const* was, GenerationService const& now, std::vector<Change>& changes) {
    BackendKey const key{now.name, {}};
    if (!was || !same_definition(*was, now))
        changes.push_back({Change::Kind::service, key, was ? describe(*was) : absent, describe(now)});
    if ((was && was->panic) != now.panic)
        changes.push_back({Change::Kind::panic, key, on_or_off(was && was->panic), on_or_off(now.panic)});
    if (was && was->announce != now.announce)
        changes.push_back({Change::Kind::announce, key, on_or_off(was->announce), on_or_off(now.announce)});
}

bool same_server(GenerationBackend const& was, GenerationBackend const& now) {
    return was.id == now.id && was.address == now.address && was.port == now.port;
}

void compare(GenerationBackend const* was, GenerationBackend const& now, std::vector<Change>& changes) {
    if (!was || !same_server(*was, now)) {
        changes.push_back({Change::Kind::backend, now.key, absent, state_text(now)});
        return;
    }
    // Unknown and down read alike, but in a panic only who was probed takes flows.
    bool const joins = was->measured != now.measured && was->eligible != now.eligible;
    if (was->state() != now.state() || was->incarnation != now.incarnation || joins)
        changes.push_back({Change::Kind::backend, now.key, state_text(*was), state_text(now)});
    if (was->weight != now.weight || was->ramp != now.ramp || was->weight_percent != now.weight_percent ||
        was->backup != now.backup)
        changes.push_back({Change::Kind::weight, now.key, weight_text(*was), weight_text(now)});
    if (was->next_hop != now.next_hop || was->nat_addresses != now.nat_addresses ||
        was->source_bits != now.source_bits)
        changes.push_back({Change::Kind::next_hop, now.key, describe(was->next_hop), describe(now.next_hop)});
}

} // namespace

std::string_view name_of(Change::Kind kind) noexcept {
    switch (kind) {
    case Change::Kind::service: return "service";
    case Change::Kind::backend: return "backend";
    case Change::Kind::panic: return "panic";
    case Change::Kind::weight: return "weight";
    case Change::Kind::next_hop: return "next_hop";
    case Change::Kind::announce: return "announce";
    }
    std::unreachable();
}

std::vector<Change> changes_between(Generation const& was, Generation const& now) {
    std::vector<Change> changes;
    GenerationLookup before{was};
    GenerationLookup after{now};
    for (std::size_t i = 0; i < now.services.size(); ++i)
        compare(before.service(now.services[i].name, i), now.services[i], changes);
    std::size_t known = 0;
    std::size_t at = 0;
    for (std::size_t block = 0; block < now.backends.blocks().size(); ++block) {
        auto const& backends = *now.backends.blocks()[block];
        auto const theirs = block < was.backends.blocks().size() ? std::span{*was.backends.blocks()[block]}
                                                                 : std::span<SharedBackend const>{};
        if (now.backends.shares(block, was.backends)) {
            known += backends.size();
            at += backends.size();
            continue;
        }
        for (std::size_t place = 0; place < backends.size(); ++place, ++at) {
            auto const& backend = backends[place];
            if (place < theirs.size() && theirs[place] == backend) {
                ++known;
                continue;
            }
            auto const* same = before.backend(backend->key, at);
            known += same != nullptr;
            if (!same || *same != backend) compare(same ? same->get() : nullptr, *backend, changes);
        }
    }
    auto const gone = was.backends.size() - known;
    for (std::size_t i = 0; gone > 0 && i < was.backends.size(); ++i)
        if (!after.backend(was.backends[i].key, i))
            changes.push_back(
                {Change::Kind::backend, was.backends[i].key, state_text(was.backends[i]), absent});
    for (std::size_t i = 0; i < was.services.size(); ++i)
        if (!after.service(was.services[i].name, i))
            changes.push_back(
                {Change::Kind::service, {was.services[i].name, {}}, describe(was.services[i]), absent});
    if (was.links != now.links) changes.push_back({Change::Kind::next_hop, {}, "links", "links"});
    return changes;
}

std::uint32_t slots_moved_between(Generation const& was, Generation const& now) {
    std::uint32_t moved = 0;
    PatternChanges changes;
    auto const moved_between = [&](MaglevTable const& one, MaglevTable const& other) {
        if (one.ids() != other.ids() || one.size() != other.size() || one.empty())
            return slots_moved(one, other);
        return static_cast<std::uint32_t>(changes.between(*one.pattern(), *other.pattern()).size());
    };
    GenerationLookup const lookup{was};
    for (std::size_t i = 0; i < now.services.size(); ++i) {
        auto const& service = now.services[i];
        auto const* before = lookup.service(service.name, i);
        if (before && before->maglev == service.maglev) continue;
        moved += moved_between(before && before->maglev ? *before->maglev : MaglevTable{}, *service.maglev);
    }
    return moved;
}

} // namespace pointsman
