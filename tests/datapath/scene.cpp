#include "tests/datapath/scene.hpp"

#include <arpa/inet.h>
#include <stdexcept>

namespace pointsman::test {
namespace {

/// All packets of the tests come by one interface, whose MAC is client_side_mac.
Packet reversed(Packet const& forwarded) {
    Packet packet = forwarded;
    packet.from = forwarded.to;
    packet.to = client_side_mac;
    std::swap(packet.source, packet.destination);
    std::swap(packet.source_port, packet.destination_port);
    return packet;
}

Packet following(Packet packet, std::uint8_t flags, std::vector<std::uint8_t> payload) {
    if (packet.protocol == Protocol::tcp) {
        packet.flags = flags;
        packet.sequence += 1;
    }
    packet.payload = std::move(payload);
    return packet;
}

} // namespace

Packet Flow::from_client(std::uint8_t flags, std::vector<std::uint8_t> payload) const {
    return following(first, flags, std::move(payload));
}

Packet Flow::from_backend(std::uint8_t flags, std::vector<std::uint8_t> payload) const {
    return following(reversed(forwarded), flags, std::move(payload));
}

Packet Flow::at_backend(Packet sent) const {
    sent.to = forwarded.to;
    sent.from = forwarded.from;
    --sent.ttl;
    sent.source = forwarded.source;
    sent.destination = forwarded.destination;
    sent.source_port = forwarded.source_port;
    sent.destination_port = forwarded.destination_port;
    return sent;
}

Packet Flow::at_client(Packet sent) const {
    sent.to = first.from;
    sent.from = client_side_mac;
    --sent.ttl;
    sent.source = first.destination;
    sent.destination = first.source;
    sent.source_port = first.destination_port;
    sent.destination_port = first.source_port;
    return sent;
}

unsigned Flow::backend() const noexcept {
    return forwarded.to[5];
}

Packet client_packet(std::uint16_t client_port, std::uint8_t flags) {
    Packet packet;
    packet.to = client_side_mac;
    packet.from = router_mac;
    packet.source = client_address;
    packet.destination = web_address;
    packet.identification = 4711;
    packet.source_port = client_port;
    packet.destination_port = web_port;
    packet.flags = flags;
    packet.sequence = 1'000'000;
    packet.acknowledged = (flags & ack) ? 2'000'000 : 0;
    packet.window = 64240;
    return packet;
}

Packet client_datagram(std::uint16_t client_port) {
    auto packet = client_packet(client_port, 0);
    packet.protocol = Protocol::udp;
    packet.sequence = 0;
    packet.window = 0;
    packet.payload = {'p', 'i', 'n', 'g', '!'};
    return packet;
}

Scene::Scene(Datapath& datapath_, Hook hook_)
    : datapath{datapath_}
    , hook{hook_}
    , world{empty_world()}
    , log_{datapath_.programs().event_ring_fd()} {
    datapath.reset();
    (void)log_.take();
}

Plan Scene::publish() {
    auto plan = world.plan(generation);
    datapath.commit(plan.next, plan.cuts_sessions);
    generation = plan.next;
    return plan;
}

void Scene::recommit() {
    ++generation.number;
    datapath.commit(generation);
}

Flow Scene::open(Packet const& first) {
    auto const output = send(first);
    auto const forwarded = decode(output.frame);
    if (!output.was_sent() || !forwarded)
        throw std::runtime_error{"a flow's first packet was not forwarded: verdict " +
                                 std::to_string(output.verdict.value_or(PM_VERDICTS))};
    return {first, *forwarded};
}

Flow Scene::establish(Packet const& first) {
    auto flow = open(first);
    auto const answered = send(flow.from_backend(syn | ack)).was_sent();
    auto const completed = first.protocol == Protocol::udp || send(flow.from_client(ack)).was_sent();
    if (!answered || !completed) throw std::runtime_error{"a handshake was not forwarded"};
    return flow;
}

Flow Scene::establish_at(unsigned backend) {
    auto const tcp = world.service("web").protocol == Protocol::tcp;
    for (std::uint16_t port = 10000; port < 11000; ++port) {
        auto flow = establish(tcp ? client_packet(port) : client_datagram(port));
        if (flow.backend() == backend) return flow;
    }
    throw std::runtime_error{"no flow reached the backend"};
}

std::optional<Scene::Entry> Scene::entry_of(Flow const& flow, pm_direction direction) {
    auto const tables = datapath.tables().active_tables();
    auto const is_its = [&](Session const& session) {
        return session.direction == direction && from_abi(session.client) == flow.first.source &&
               ntohs(session.client_port) == flow.first.source_port &&
               ntohs(session.service_port) == flow.first.destination_port &&
               ntohs(session.nat_port) == flow.nat_port() &&
               from_abi(tables.backends[session.backend].address) == flow.forwarded.destination &&
               session.protocol == static_cast<std::uint8_t>(flow.first.protocol);
    };
    for (auto& set : datapath.tables().active_sessions())
        for (std::size_t way = 0; way < PM_SESSION_WAYS; ++way)
            if (auto const session = read_session(set, way); session && is_its(*session))
                return Entry{set, way};
    return std::nullopt;
}

std::optional<Session> Scene::session_of(Flow const& flow, pm_direction direction) {
    auto const entry = entry_of(flow, direction);
    return entry ? read_session(entry->set, entry->way) : std::nullopt;
}

void Scene::lose_session(Flow const& flow, pm_direction direction) {
    auto const lost = entry_of(flow, direction);
    auto const left = entry_of(flow, direction == PM_TO_CLIENT ? PM_TO_BACKEND : PM_TO_CLIENT);
    if (!lost || !left) throw std::runtime_error{"the flow has no pair of sessions"};
    lost->set.tag[lost->way] = PM_TAG_EMPTY;
    left->set.last_seen[left->way] -= PM_PARTNER_TICKS;
}

void BothHooks::SetUp() {
    static auto const why = why_not_here();
    if (!why.empty()) GTEST_SKIP() << why;
    begin(web_world());
}

void BothHooks::begin(World world) {
    scene_.reset();
    scene_ = std::make_unique<Scene>(shared_datapath(), GetParam());
    scene_->world = std::move(world);
    scene_->publish();
}

std::string_view name_of(Hook hook) noexcept {
    return hook == Hook::xdp ? "xdp" : "tc";
}

::testing::AssertionResult same_frame(char const*, char const*, Frame const& actual, Frame const& expected) {
    if (actual == expected) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure()
           << "    frame: " << describe(actual) << "\n expected: " << describe(expected);
}

} // namespace pointsman::test
