#include "controller/plan/changes.hpp"

#include "controller/model/names.hpp"
#include "controller/plan/maglev.hpp"

#include <utility>

namespace pointsman {
namespace {

constexpr char const* absent = "absent";

std::string describe(GenerationService const& service) {
    auto text = service.address.text() + ":" + std::to_string(service.port_first);
    if (service.port_last != service.port_first) text += "-" + std::to_string(service.port_last);
    return text + "/" + std::string{name_of(service.protocol)} + " on_down=" + std::string{name_of(service.on_down)};
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
    return text;
}

std::string state_text(GenerationBackend const& backend) { return std::string{name_of(backend.state())}; }

void compare(GenerationService const* was, GenerationService const& now, std::vector<Change>& changes) {
    BackendKey const key{now.name, {}};
    auto const before = was ? describe(*was) : absent;
    if (before != describe(now) || (was && was->idle_timeout != now.idle_timeout))
        changes.push_back({Change::Kind::service, key, before, describe(now)});
    if ((was && was->panic) != now.panic)
        changes.push_back({Change::Kind::panic, key, was && was->panic ? "on" : "off", now.panic ? "on" : "off"});
}

bool same_server(GenerationBackend const& was, GenerationBackend const& now) {
    return was.id == now.id && was.address == now.address && was.port == now.port;
}

void compare(GenerationBackend const* was, GenerationBackend const& now, std::vector<Change>& changes) {
    if (!was || !same_server(*was, now)) {
        changes.push_back({Change::Kind::backend, now.key, absent, state_text(now)});
        return;
    }
    if (was->state() != now.state())
        changes.push_back({Change::Kind::backend, now.key, state_text(*was), state_text(now)});
    if (was->weight != now.weight || was->backup != now.backup)
        changes.push_back(
            {Change::Kind::weight, now.key, std::to_string(was->weight), std::to_string(now.weight)});
    if (was->next_hop != now.next_hop || was->nat_addresses != now.nat_addresses)
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
    }
    std::unreachable();
}

std::vector<Change> changes_between(Generation const& was, Generation const& now) {
    std::vector<Change> changes;
    for (auto const& service : now.services) compare(was.find(service.name), service, changes);
    for (auto const& backend : now.backends) compare(was.find(backend.key), backend, changes);
    for (auto const& backend : was.backends)
        if (!now.find(backend.key)) changes.push_back({Change::Kind::backend, backend.key, state_text(backend), absent});
    for (auto const& service : was.services)
        if (!now.find(service.name))
            changes.push_back({Change::Kind::service, {service.name, {}}, describe(service), absent});
    if (was.links != now.links) changes.push_back({Change::Kind::next_hop, {}, "links", "links"});
    return changes;
}

std::uint32_t slots_moved_between(Generation const& was, Generation const& now) {
    std::uint32_t moved = 0;
    for (auto const& service : now.services) {
        auto const* before = was.find(service.name);
        if (before && before->maglev == service.maglev) continue;
        moved += slots_moved(before && before->maglev ? *before->maglev : MaglevTable{}, *service.maglev);
    }
    return moved;
}

} // namespace pointsman
