#pragma once

#include "controller/model/generation.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pointsman {

class Netlink;

/// What rtnetlink says about one interface.
struct Interface {
    std::uint32_t ifindex = 0;
    std::string name;
    std::string kind; ///< "veth", "bridge", …; empty for physical and virtio NICs
    Mac mac{};
    std::uint32_t mtu = 0;
    bool up = false;
    bool running = false; ///< up and with a carrier
    bool loopback = false;
    bool peer_elsewhere = false; ///< a veth whose peer is in another network namespace

    friend bool operator==(Interface const&, Interface const&) = default;
};

/// All interfaces of this network namespace. Needs no descriptor beyond that of `netlink`.
/// @throws DatapathError when rtnetlink does not answer.
[[nodiscard]] std::vector<Interface> read_interfaces(Netlink& netlink);

/// What became of an interface that packets come by.
struct InterfaceChange {
    enum class Kind : std::uint8_t {
        gone,     ///< there is none of that name any more
        returned, ///< another one has the name now: nothing of ours is on it
        down,
        up,
        changed, ///< MAC address or MTU
    };

    Kind kind = Kind::changed;
    Interface was;
    Interface now; ///< of one that is gone: nothing but its name

    friend bool operator==(InterfaceChange const&, InterfaceChange const&) = default;
};

/// Pure. What differs between the interfaces that we knew, by name, and those that are present. One that was
/// gone before and is gone now has not changed.
[[nodiscard]] std::vector<InterfaceChange> changes_of(std::span<Interface const> known,
                                                      std::span<Interface const> present);

/// "gone", "returned", "down", "up", "changed".
[[nodiscard]] std::string_view name_of(InterfaceChange::Kind kind) noexcept;

} // namespace pointsman
