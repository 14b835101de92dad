#pragma once

#include "controller/model/generation.hpp"

#include <optional>
#include <string>
#include <vector>

namespace pointsman {

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

/// All interfaces of this network namespace.
/// @throws DatapathError when rtnetlink does not answer.
[[nodiscard]] std::vector<Interface> read_interfaces();

} // namespace pointsman
