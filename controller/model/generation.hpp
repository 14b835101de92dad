#pragma once

#include "controller/model/address.hpp"
#include "controller/model/backend_list.hpp"
#include "controller/model/desired_state.hpp"
#include "controller/model/ids.hpp"
#include "controller/model/maglev_table.hpp"
#include "controller/model/state.hpp"

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace pointsman {

/// Entries of the kernel's table of NAT addresses, index 0 unused.
inline constexpr std::size_t nat_address_room = 64;

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
    std::map<Address, Route> routes;         ///< by backend address
    std::vector<Link> links;                 ///< by ascending interface index
    std::set<Address> own{};                 ///< addresses of this host
    std::set<std::uint32_t> running_links{}; ///< indices of all interfaces that are up and have a carrier
    std::set<std::uint32_t> links_without_carrier{}; ///< of those that are up and have none

    friend bool operator==(NetworkView const&, NetworkView const&) = default;
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
    /// Shared between generations: most services do not change between two of them.
    std::shared_ptr<MaglevTable const> maglev;

    friend bool operator==(GenerationService const&, GenerationService const&) = default;
};

/// One numbered immutable state of the datapath.
struct Generation {
    std::uint64_t number = 0;
    std::vector<GenerationService> services; ///< in the order of the configuration
    BackendList backends;                    ///< likewise
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

    [[nodiscard]] SharedBackend const* backend(BackendKey const& key, std::size_t expected_at);
    [[nodiscard]] GenerationService const* service(std::string_view name,
                                                   std::size_t expected_at) const noexcept;

private:
    Generation const& generation_;
    std::map<BackendKey, std::size_t> index_; ///< made at the first miss
};

} // namespace pointsman
