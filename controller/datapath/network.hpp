#pragma once

#include "controller/datapath/interfaces.hpp"
#include "controller/datapath/netlink.hpp"
#include "controller/model/generation.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <map>
#include <set>
#include <vector>

namespace pointsman {

/// Reads the kernel's routes and neighbours for the addresses that we forward to.
class Network {
public:
    /// The view for these backends and for the interfaces that packets come from. Asks the kernel to resolve
    /// neighbours it does not know yet; their arrival shows in a NetworkMonitor.
    [[nodiscard]] NetworkView read(std::set<Address> const& backends,
                                   std::vector<std::string> const& interfaces);

private:
    struct Neighbour {
        std::uint32_t ifindex = 0;
        Address address;

        friend auto operator<=>(Neighbour const&, Neighbour const&) = default;
    };
    struct Way {
        Neighbour gateway;
        std::optional<Address> source;
        std::uint32_t mtu; ///< 0 when the route names none
    };

    [[nodiscard]] std::map<Neighbour, Mac> read_neighbours();
    [[nodiscard]] std::set<Address> read_own_addresses();
    [[nodiscard]] std::optional<Way> read_way(Address const& address);
    void resolve(Neighbour const& neighbour);

    Netlink netlink_;
};

/// Tells when links, routes, addresses or neighbours change. Coalesced: one call for all that waits.
class NetworkMonitor {
public:
    /// @throws DatapathError when the kernel gives no socket.
    NetworkMonitor(boost::asio::io_context& context, std::function<void()> changed);

private:
    void wait();
    [[nodiscard]] bool drain();

    std::unique_ptr<mnl_socket, int (*)(mnl_socket*)> socket_;
    boost::asio::posix::stream_descriptor descriptor_;
    std::function<void()> changed_;
};

} // namespace pointsman
