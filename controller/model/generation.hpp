#pragma once

#include "controller/model/address.hpp"
#include "controller/model/desired_state.hpp"
#include "controller/model/ids.hpp"
#include "controller/model/state.hpp"

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace pointsman {

using Mac = std::array<std::uint8_t, 6>;

/// Entries of the kernel's table of NAT addresses, index 0 unused.
inline constexpr std::size_t nat_address_room = 64;

/// How a frame reaches a backend.
struct NextHop {
    std::uint32_t ifindex = 0;
    Mac mac{};                   ///< of the next hop
    Mac source{};                ///< of our interface
    bool peer_elsewhere = false; ///< that interface is a veth whose peer is in another network namespace
    std::uint32_t mtu = 0;       ///< longest IP packet that the route takes; 0: any
    bool is_router = false;      ///< it is a router on the way, not the backend itself

    friend bool operator==(NextHop const&, NextHop const&) = default;
};

/// What the kernel says about the way to one address.
struct Route {
    std::optional<NextHop> next_hop; ///< nullopt while the neighbour is not resolved
    std::optional<Address> source;   ///< the address the kernel would use towards it

    friend bool operator==(Route const&, Route const&) = default;
};

/// One interface that packets come from.
struct Link {
    std::uint32_t ifindex = 0;
    Mac mac{};
    bool peer_elsewhere = false;         ///< a veth whose peer is in another network namespace
    std::optional<std::uint32_t> slot{}; ///< in the kernel's table: sessions and counters go by it

    friend bool operator==(Link const&, Link const&) = default;
};

/// Slots of that table, and how many from an index on are looked at.
inline constexpr std::uint32_t link_slots = 64;
inline constexpr std::uint32_t link_probes = 8;

/// Links that have a slot keep it; each other one gets the first free slot that it is looked for at, if there
/// is one.
[[nodiscard]] std::vector<Link> place_links(std::vector<Link> links);

/// What netlink told us, as values.
struct NetworkView {
    std::map<Address, Route> routes;      ///< by backend address
    std::vector<Link> links;              ///< by ascending interface index
    std::set<Address> own{};              ///< addresses of this host
    std::set<std::uint32_t> dead_links{}; ///< indices of all interfaces that are down or have no carrier

    friend bool operator==(NetworkView const&, NetworkView const&) = default;
};

/// Slots of every Maglev table: a prime, as its permutations need. With 100 backends, losing one moves 1.35 %
/// of the other backends' slots.
inline constexpr std::uint32_t maglev_size = 16381;

/// Slot -> backend. Index 0 of `slots` is the hash's lowest range; empty when no backend is eligible.
struct MaglevTable {
    std::vector<BackendId> slots;

    friend bool operator==(MaglevTable const&, MaglevTable const&) = default;
};

/// Steps of a slow start. A backend in step n of them has n tenths of its weight.
inline constexpr unsigned full_ramp = 10;

struct GenerationBackend {
    BackendId id = BackendId::none;
    ServiceId service = ServiceId::none;
    BackendKey key;
    Address address;
    std::uint16_t port = 0;
    unsigned weight = 0;       ///< as ordered or configured
    unsigned ramp = full_ramp; ///< step of the slow start, 1 to full_ramp
    bool backup = false;
    MeasuredState measured = MeasuredState::unknown; ///< as judged: by probes, damping and own faults
    AdminState admin = AdminState::ready;
    std::uint32_t incarnation = 0;
    bool eligible = false;       ///< takes new flows
    bool keeps_sessions = false; ///< established flows stay on it
    std::optional<NextHop> next_hop;
    std::vector<Address> nat_addresses; ///< source addresses towards it, none if the kernel has no route
    unsigned source_bits = 0;           ///< ipip: so many last bits of the one source address are the flow's

    [[nodiscard]] State state() const noexcept {
        auto const state = state_of(measured, admin);
        return state == State::up && ramp < full_ramp ? State::starting : state;
    }
    friend bool operator==(GenerationBackend const&, GenerationBackend const&) = default;
};

struct GenerationService {
    ServiceId id = ServiceId::none;
    std::string name;
    Address address;
    std::uint16_t port_first = 0;
    std::uint16_t port_last = 0;
    Protocol protocol = Protocol::tcp;
    Forward forward = Forward::nat;
    Source source = Source::pool;
    std::uint16_t gue_port = 0;
    MssClamp mss_clamp = MssClamp::off;
    bool own_address = false; ///< the host's own stack answers to ping there
    OnDown on_down = OnDown::reset;
    bool second_chance = false; ///< it is configured, the protocol is TCP, and there are several backends
    Duration idle_timeout{};
    Duration half_open_timeout{};
    Duration closing_timeout{};
    bool panic = false;    ///< too few are healthy: health is ignored
    bool announce = false; ///< enough are healthy for the address to be announced
    /// Shared between generations, because most services do not change between two of them and a table is 128
    /// KB.
    std::shared_ptr<MaglevTable const> maglev;
};

/// One numbered immutable state of the datapath.
struct Generation {
    std::uint64_t number = 0;
    std::vector<GenerationService> services; ///< in the order of the configuration
    std::vector<GenerationBackend> backends; ///< in the order of the configuration
    std::vector<std::uint32_t> incarnations; ///< last one given out, by backend id; index 0 unused
    std::vector<Address>
        nat_addresses; ///< by index in the kernel's table, a backend's side by side; index 0 unused
    std::vector<Link> links;

    [[nodiscard]] GenerationBackend const* find(BackendKey const& key) const noexcept;
    [[nodiscard]] GenerationBackend const* find(BackendId id) const noexcept;
    [[nodiscard]] GenerationService const* find(std::string_view service) const noexcept;
};

/// Finds things of one generation by name, at no cost when they are where the caller expects them: two
/// generations of one configuration have the same order.
class GenerationLookup {
public:
    explicit GenerationLookup(Generation const& generation) : generation_{generation} {}

    [[nodiscard]] GenerationBackend const* backend(BackendKey const& key, std::size_t expected_at);
    [[nodiscard]] GenerationService const* service(std::string_view name,
                                                   std::size_t expected_at) const noexcept;

private:
    Generation const& generation_;
    std::map<BackendKey, std::size_t> index_; ///< made at the first miss
};

} // namespace pointsman
