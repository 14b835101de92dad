#include "tests/datapath/world.hpp"

#include <algorithm>

namespace pointsman::test {
namespace {

std::string name_of_backend(unsigned number) {
    return "b" + std::to_string(number);
}

} // namespace

Address backend_address(unsigned number, bool v6) {
    if (v6) return v6_address(0xfd, static_cast<std::uint8_t>(10 + number));
    return Address::v4(0x0a'00'00'0a + number);
}

std::uint16_t backend_port(unsigned number) {
    return static_cast<std::uint16_t>(8080 + number);
}

Mac backend_mac(unsigned number) {
    return {2, 0, 0, 0, 1, static_cast<std::uint8_t>(number)};
}

void World::add_backend(Service& service, unsigned number, bool v6) {
    Backend backend;
    backend.name = name_of_backend(number);
    backend.address = backend_address(number, v6);
    backend.port = backend_port(number);
    service.backends.push_back(backend);
    measure(number, MeasuredState::up, service.name);
    network.routes[backend.address] = {NextHop{backend_side_ifindex, backend_mac(number), backend_side_mac},
                                       v6 ? nat_address_v6 : nat_address};
}

void World::add_beside(std::string_view present, std::string name, std::uint16_t port, unsigned backend) {
    auto added = service(present);
    added.name = std::move(name);
    added.port_first = added.port_last = port;
    added.backends.clear();
    add_backend(added, backend);
    desired.services.push_back(std::move(added));
}

void World::remove_backend(std::string_view name, unsigned number) {
    std::erase_if(service(name).backends,
                  [&](Backend const& backend) { return backend.name == name_of_backend(number); });
}

void World::measure(unsigned number, MeasuredState state, std::string const& name) {
    measured[{name, name_of_backend(number)}] = state;
}

void World::administer(unsigned number, AdminState state, std::string const& name) {
    admin[{name, name_of_backend(number)}] = state;
}

Service& World::service(std::string_view name) {
    return *std::ranges::find(desired.services, name, &Service::name);
}

World empty_world() {
    World world;
    world.network.links = {{1, client_side_mac}, {backend_side_ifindex, backend_side_mac}};
    return world;
}

World web_world(Protocol protocol, unsigned backends, OnDown on_down) {
    auto world = empty_world();
    Service service;
    service.name = "web";
    service.address = web_address;
    service.port_first = service.port_last = web_port;
    service.protocol = protocol;
    service.on_down = on_down;
    service.panic_threshold = 0;
    for (unsigned number = 1; number <= backends; ++number)
        world.add_backend(service, number);
    world.desired.services.push_back(std::move(service));
    return world;
}

} // namespace pointsman::test
