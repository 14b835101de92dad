#include "controller/app/plan_preview.hpp"

#include "controller/app/records.hpp"
#include "controller/model/names.hpp"

#include <algorithm>
#include <boost/json/array.hpp>

namespace json = boost::json;

namespace pointsman {
namespace {

constexpr NextHop assumed_next_hop{.ifindex = 1};
constexpr Address assumed_source = Address::v4(0x7f'00'00'01);

bool is_same(GenerationBackend const& known, Backend const& wanted) {
    return known.address == wanted.address && known.port == wanted.port;
}

/// A new backend has neither a verdict nor, at first, a resolved neighbour.
void assume_up(PreviewInput& input, BackendKey const& key, Backend const& wanted) {
    input.measured[key] = MeasuredState::up;
    auto& route = input.network.routes[wanted.address];
    if (!route.next_hop) route.next_hop = assumed_next_hop;
    if (!route.source) route.source = assumed_source;
}

/// Who answers under an id: ids are given out anew, addresses tell.
using Servers = std::map<BackendId, std::pair<Address, std::uint16_t>>;

Servers servers_of(Generation const& generation) {
    Servers servers;
    for (auto const& backend : generation.backends)
        servers[backend.id] = {backend.address, backend.port};
    return servers;
}

std::size_t slots_moved(MaglevTable const& was, Servers const& before, MaglevTable const& now,
                        Servers const& after) {
    auto const server = [](MaglevTable const& table, Servers const& servers, std::size_t slot) {
        return slot < table.size() ? servers.at(table[slot]) : std::pair{Address{}, std::uint16_t{0}};
    };
    auto const slots = std::max(was.size(), now.size());
    std::size_t moved = 0;
    for (std::size_t slot = 0; slot < slots; ++slot)
        moved += server(was, before, slot) != server(now, after, slot);
    return moved;
}

/// A backend's sessions live on only under the same id and incarnation.
bool keeps_sessions(GenerationBackend const& was, Generation const& next) {
    auto const* now = next.find(was.key);
    return now && now->id == was.id && now->incarnation == was.incarnation && now->service == was.service;
}

std::uint64_t sessions_cut(Generation const& current, GenerationService const& service,
                           Generation const& next, SessionCounts const& sessions) {
    std::uint64_t cut = 0;
    for (auto const& backend : current.backends) {
        if (backend.service != service.id || keeps_sessions(backend, next)) continue;
        auto const counted = sessions.find(static_cast<std::uint32_t>(backend.id));
        cut += counted == sessions.end() ? 0 : counted->second;
    }
    return cut;
}

double percent(std::size_t part, std::size_t whole) {
    return whole == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

json::object service_json(std::string const& name, std::size_t moved, std::size_t slots, std::uint64_t cut,
                          OnDown on_down) {
    return {{"name", name},         {"slots", slots},
            {"slots_moved", moved}, {"new_flows_moved_percent", percent(moved, slots)},
            {"sessions_cut", cut},  {"on_down", name_of(on_down)}};
}

} // namespace

Preview preview_of(PreviewInput input) {
    std::vector<BackendKey> assumed;
    for (auto const& service : input.wanted.services)
        for (auto const& backend : service.backends) {
            BackendKey const key{service.name, backend.name};
            auto const* known = input.current.find(key);
            if (known && is_same(*known, backend)) continue;
            assume_up(input, key, backend);
            assumed.push_back(key);
        }
    PlanInput const planned{input.wanted, input.measured, input.admin, input.network, input.adjust};
    return {plan_next(planned, input.current), std::move(assumed)};
}

json::object preview_json(PreviewInput const& input, SessionCounts const& sessions) {
    auto const preview = preview_of(input);
    auto const& current = input.current;
    auto const& next = preview.plan.next;
    auto const before = servers_of(current);
    auto const after = servers_of(next);
    json::array services;
    std::uint64_t all_cut = 0;
    auto const add = [&](std::string const& name) {
        auto const* was = current.find(std::string_view{name});
        auto const* now = next.find(std::string_view{name});
        MaglevTable const none;
        auto const& from = was && was->maglev ? *was->maglev : none;
        auto const& to = now && now->maglev ? *now->maglev : none;
        auto const cut = was ? sessions_cut(current, *was, next, sessions) : 0;
        all_cut += cut;
        services.push_back(service_json(name, slots_moved(from, before, to, after),
                                        std::max(from.size(), to.size()), cut,
                                        was ? was->on_down : now->on_down));
    };
    for (auto const& service : next.services)
        add(service.name);
    for (auto const& service : current.services)
        if (!next.find(std::string_view{service.name})) add(service.name);
    json::array assumed;
    for (auto const& key : preview.assumed)
        assumed.emplace_back(text(key));
    return {{"changes", changes_json(preview.plan.changes)},
            {"services", std::move(services)},
            {"sessions_cut", all_cut},
            {"assumed_up", std::move(assumed)}};
}

} // namespace pointsman
