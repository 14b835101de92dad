#include "controller/app/network_record.hpp"

#include <array>
#include <boost/json/array.hpp>
#include <cstdio>
#include <stdexcept>
#include <utility>

namespace json = boost::json;

namespace pointsman {
namespace {

std::string mac_text(Mac const& mac) {
    std::array<char, 24> text{};
    std::snprintf(text.data(), text.size(), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
                  mac[4], mac[5]);
    return text.data();
}

Mac read_mac(json::value const& value) {
    std::array<unsigned, 6> octets{};
    if (std::sscanf(value.as_string().c_str(), "%2x:%2x:%2x:%2x:%2x:%2x", &octets[0], &octets[1], &octets[2],
                    &octets[3], &octets[4], &octets[5]) != 6)
        throw std::invalid_argument{"no MAC address"};
    Mac mac{};
    for (std::size_t i = 0; i < mac.size(); ++i)
        mac[i] = static_cast<std::uint8_t>(octets[i]);
    return mac;
}

Address read_address(json::string_view text) {
    auto const found = Address::parse({text.data(), text.size()});
    if (!found) throw std::invalid_argument{"no address"};
    return *found;
}

json::object route_json(Route const& route) {
    json::object out;
    if (route.source) out["source"] = route.source->text();
    if (auto const& hop = route.next_hop)
        out["next_hop"] = json::object{{"ifindex", hop->ifindex},
                                       {"mac", mac_text(hop->mac)},
                                       {"source", mac_text(hop->source)},
                                       {"peer_elsewhere", hop->peer_elsewhere},
                                       {"mtu", hop->mtu},
                                       {"is_router", hop->is_router}};
    return out;
}

Route read_route(json::object const& in) {
    Route route;
    if (auto const* source = in.if_contains("source")) route.source = read_address(source->as_string());
    if (auto const* found = in.if_contains("next_hop")) {
        auto const& hop = found->as_object();
        route.next_hop = NextHop{hop.at("ifindex").to_number<std::uint32_t>(),
                                 read_mac(hop.at("mac")),
                                 read_mac(hop.at("source")),
                                 hop.at("peer_elsewhere").as_bool(),
                                 hop.at("mtu").to_number<std::uint32_t>(),
                                 hop.at("is_router").as_bool()};
    }
    return route;
}

json::array links_json(std::vector<Link> const& links) {
    json::array out;
    for (auto const& link : links)
        out.push_back(json::object{
            {"ifindex", link.ifindex}, {"mac", mac_text(link.mac)}, {"peer_elsewhere", link.peer_elsewhere}});
    return out;
}

std::vector<Link> read_links(json::array const& in) {
    std::vector<Link> links;
    for (auto const& link : in)
        links.push_back({link.at("ifindex").to_number<std::uint32_t>(), read_mac(link.at("mac")),
                         link.at("peer_elsewhere").as_bool()});
    return links;
}

json::array indices_json(std::set<std::uint32_t> const& indices) {
    return json::array(indices.begin(), indices.end());
}

std::set<std::uint32_t> read_indices(json::array const& in) {
    std::set<std::uint32_t> indices;
    for (auto const& index : in)
        indices.insert(index.to_number<std::uint32_t>());
    return indices;
}

} // namespace

json::object network_json(NetworkView const& was, NetworkView const& now) {
    json::object routes;
    for (auto const& [address, route] : now.routes) {
        auto const before = was.routes.find(address);
        if (before == was.routes.end() || before->second != route) routes[address.text()] = route_json(route);
    }
    for (auto const& [address, route] : was.routes)
        if (!now.routes.contains(address)) routes[address.text()] = nullptr;
    json::object out;
    if (!routes.empty()) out["routes"] = std::move(routes);
    if (was.links != now.links) out["links"] = links_json(now.links);
    if (was.own != now.own) {
        auto& own = (out["own"] = json::array{}).as_array();
        for (auto const& address : now.own)
            own.emplace_back(address.text());
    }
    if (was.running_links != now.running_links) out["running_links"] = indices_json(now.running_links);
    if (was.links_without_carrier != now.links_without_carrier)
        out["links_without_carrier"] = indices_json(now.links_without_carrier);
    return out;
}

NetworkView with_network_json(NetworkView view, json::object const& record) {
    if (auto const* routes = record.if_contains("routes"))
        for (auto const& [address, route] : routes->as_object()) {
            if (route.is_null())
                view.routes.erase(read_address(address));
            else
                view.routes[read_address(address)] = read_route(route.as_object());
        }
    if (auto const* links = record.if_contains("links")) view.links = read_links(links->as_array());
    if (auto const* own = record.if_contains("own")) {
        view.own.clear();
        for (auto const& address : own->as_array())
            view.own.insert(read_address(address.as_string()));
    }
    if (auto const* indices = record.if_contains("running_links"))
        view.running_links = read_indices(indices->as_array());
    if (auto const* indices = record.if_contains("links_without_carrier"))
        view.links_without_carrier = read_indices(indices->as_array());
    return view;
}

} // namespace pointsman
