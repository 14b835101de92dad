#include "tests/datapath/second_chances.hpp"

#include <arpa/inet.h>

namespace pointsman::test {

std::uint64_t flow_hash_of(Packet const& packet) {
    auto const key = hash_key_of(small_options().hash_seed);
    pm_flow flow{};
    flow.source = to_abi(packet.source);
    flow.destination = to_abi(packet.destination);
    flow.source_port = htons(packet.source_port);
    flow.destination_port = htons(packet.destination_port);
    flow.protocol = static_cast<std::uint8_t>(packet.protocol);
    return pm_flow_hash(&flow, key.data());
}

World world_with(unsigned backends, Way const& way) {
    auto world = world_of(way);
    auto& service = world.service("web");
    for (unsigned number = 2; number <= backends; ++number) {
        world.add_backend(service, number, way.backend_is_v6());
        if (!way.is_nat()) service.backends.back().port = web_port;
    }
    return world;
}

Packet refusal_of(Flow const& flow) {
    auto refusal = flow.from_backend(rst | ack);
    refusal.sequence = 0;
    refusal.acknowledged = flow.first.sequence + 1 + static_cast<std::uint32_t>(flow.first.payload.size());
    refusal.window = 0;
    refusal.tcp_options.clear();
    return refusal;
}

void age(Scene& scene, std::chrono::milliseconds by) {
    auto const units = static_cast<std::uint32_t>(std::chrono::nanoseconds{by}.count() / 1024);
    for (auto& set : scene.datapath.tables().active_sessions())
        for (auto& session : set.way)
            session.opened_low -= units;
}

void make_new(Scene& scene) {
    auto const now = std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds{1024};
    for (auto& set : scene.datapath.tables().active_sessions())
        for (auto& session : set.way)
            session.opened_low = static_cast<std::uint32_t>(now);
}

Packet packet_at_the_same_place(Packet packet) {
    auto const place = flow_hash_of(packet) % PM_SYNS;
    for (std::uint32_t host = 0x0a'00'00'00; true; ++host) {
        packet.source = Address::v4(host);
        if (flow_hash_of(packet) % PM_SYNS == place) return packet;
    }
}

} // namespace pointsman::test
