#include "controller/datapath/network.hpp"

#include "controller/datapath/error.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

namespace pointsman {
namespace {

constexpr std::uint16_t usable_neighbour =
    NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY;

std::optional<Address> address_of(nlattr const* attribute) {
    std::array<std::uint8_t, 16> octets{};
    auto const length = mnl_attr_get_payload_len(attribute);
    auto const* const payload = static_cast<std::uint8_t const*>(mnl_attr_get_payload(attribute));
    if (length == 4) {
        return Address::v4(static_cast<std::uint32_t>(payload[0]) << 24 |
                           static_cast<std::uint32_t>(payload[1]) << 16 |
                           static_cast<std::uint32_t>(payload[2]) << 8 | payload[3]);
    }
    if (length != octets.size()) return std::nullopt;
    std::memcpy(octets.data(), payload, octets.size());
    return Address::from_octets(octets);
}

void put_address(nlmsghdr* message, std::uint16_t type, Address const& address) {
    auto const& octets = address.octets();
    if (address.is_v4())
        mnl_attr_put(message, type, 4, octets.data() + 12);
    else
        mnl_attr_put(message, type, octets.size(), octets.data());
}

/// 0 when the route names none.
std::uint32_t mtu_of(nlattr const* metrics) {
    std::uint32_t mtu = 0;
    for_each_nested(metrics, [&](int type, nlattr const* attribute) {
        if (type == RTAX_MTU) mtu = mnl_attr_get_u32(attribute);
    });
    return mtu;
}

std::uint8_t family_of(Address const& address) {
    return address.is_v4() ? AF_INET : AF_INET6;
}

template<typename Header>
Header* start(std::array<char, 512>& buffer, std::uint16_t type, std::uint16_t flags) {
    auto* const message = mnl_nlmsg_put_header(buffer.data());
    message->nlmsg_type = type;
    message->nlmsg_flags = flags;
    return static_cast<Header*>(mnl_nlmsg_put_extra_header(message, sizeof(Header)));
}

nlmsghdr* message_in(std::array<char, 512>& buffer) {
    return reinterpret_cast<nlmsghdr*>(buffer.data());
}

} // namespace

NetworkView Network::read(std::set<Address> const& backends, std::vector<std::string> const& interfaces) {
    NetworkView view;
    std::map<std::uint32_t, Interface> present;
    for (auto& interface : read_interfaces(netlink_)) {
        if (std::ranges::find(interfaces, interface.name) != interfaces.end())
            view.links.push_back({interface.ifindex, interface.mac, interface.peer_elsewhere});
        if (interface.running) view.running_links.insert(interface.ifindex);
        if (interface.up && !interface.running) view.links_without_carrier.insert(interface.ifindex);
        present[interface.ifindex] = std::move(interface);
    }
    std::ranges::sort(view.links, {}, &Link::ifindex);
    view.own = read_own_addresses();
    auto const neighbours = read_neighbours();
    for (auto const& address : backends) {
        auto const way = read_way(address);
        if (!way) continue;
        auto& route = view.routes[address];
        route.source = way->source;
        auto const neighbour = neighbours.find(way->gateway);
        if (neighbour == neighbours.end()) {
            resolve(way->gateway);
            continue;
        }
        auto const& out = present[way->gateway.ifindex];
        auto const mtu = way->mtu ? std::min(way->mtu, out.mtu) : out.mtu;
        route.next_hop = NextHop{out.ifindex, neighbour->second,
                                 out.mac,     out.peer_elsewhere,
                                 mtu,         way->gateway.address != address};
    }
    return view;
}

std::map<Network::Neighbour, Mac> Network::read_neighbours() {
    std::array<char, 512> buffer{};
    start<ndmsg>(buffer, RTM_GETNEIGH, NLM_F_DUMP);
    std::map<Neighbour, Mac> neighbours;
    (void)netlink_.request(message_in(buffer), [&](nlmsghdr const* answer) {
        auto const* header = static_cast<ndmsg const*>(mnl_nlmsg_get_payload(answer));
        if (!(header->ndm_state & usable_neighbour)) return;
        Neighbour neighbour{static_cast<std::uint32_t>(header->ndm_ifindex), {}};
        std::optional<Mac> mac;
        for_each_attribute(answer, sizeof(*header), [&](int type, nlattr const* attribute) {
            if (type == NDA_DST) {
                neighbour.address = address_of(attribute).value_or(Address{});
            } else if (type == NDA_LLADDR && mnl_attr_get_payload_len(attribute) == 6) {
                std::memcpy(mac.emplace().data(), mnl_attr_get_payload(attribute), 6);
            }
        });
        if (mac) neighbours[neighbour] = *mac;
    });
    return neighbours;
}

std::set<Address> Network::read_own_addresses() {
    std::array<char, 512> buffer{};
    start<ifaddrmsg>(buffer, RTM_GETADDR, NLM_F_DUMP);
    std::set<Address> own;
    (void)netlink_.request(message_in(buffer), [&](nlmsghdr const* answer) {
        std::optional<Address> address;
        for_each_attribute(answer, sizeof(ifaddrmsg), [&](int type, nlattr const* attribute) {
            if (type == IFA_LOCAL || (type == IFA_ADDRESS && !address)) address = address_of(attribute);
        });
        if (address) own.insert(*address);
    });
    return own;
}

/// An address of this host, or one without a route, has no way.
std::optional<Network::Way> Network::read_way(Address const& address) {
    std::array<char, 512> buffer{};
    auto* const header = start<rtmsg>(buffer, RTM_GETROUTE, 0);
    header->rtm_family = family_of(address);
    header->rtm_dst_len = address.is_v4() ? 32 : 128;
    put_address(message_in(buffer), RTA_DST, address);
    std::optional<Way> way;
    auto const error = netlink_.request(message_in(buffer), [&](nlmsghdr const* answer) {
        auto const* route = static_cast<rtmsg const*>(mnl_nlmsg_get_payload(answer));
        if (route->rtm_type != RTN_UNICAST) return;
        way = Way{{0, address}, std::nullopt, 0};
        for_each_attribute(answer, sizeof(*route), [&](int type, nlattr const* attribute) {
            switch (type) {
            case RTA_OIF: way->gateway.ifindex = mnl_attr_get_u32(attribute); break;
            case RTA_GATEWAY: way->gateway.address = address_of(attribute).value_or(address); break;
            case RTA_PREFSRC: way->source = address_of(attribute); break;
            case RTA_METRICS: way->mtu = mtu_of(attribute); break;
            default: break;
            }
        });
    });
    return error ? std::nullopt : way;
}

/// Does what a packet of the host's own would do: the kernel starts to resolve the neighbour (NTF_USE).
void Network::resolve(Neighbour const& neighbour) {
    std::array<char, 512> buffer{};
    auto* const header = start<ndmsg>(buffer, RTM_NEWNEIGH, NLM_F_CREATE);
    header->ndm_family = family_of(neighbour.address);
    header->ndm_ifindex = static_cast<int>(neighbour.ifindex);
    header->ndm_state = NUD_NONE;
    header->ndm_flags = NTF_USE;
    put_address(message_in(buffer), NDA_DST, neighbour.address);
    (void)netlink_.request(message_in(buffer), [](nlmsghdr const*) {});
}

NetworkMonitor::NetworkMonitor(boost::asio::io_context& context, std::function<void()> changed)
    : socket_{mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK), mnl_socket_close}
    , descriptor_{context}
    , changed_{std::move(changed)} {
    constexpr unsigned groups = RTMGRP_LINK | RTMGRP_NEIGH | RTMGRP_IPV4_ROUTE | RTMGRP_IPV4_IFADDR |
                                RTMGRP_IPV6_ROUTE | RTMGRP_IPV6_IFADDR;
    if (!socket_ || mnl_socket_bind(socket_.get(), groups, MNL_SOCKET_AUTOPID) < 0)
        throw DatapathError{std::string{"no rtnetlink socket: "} + std::strerror(errno),
                            "raise the limit of open files"};
    descriptor_.assign(::dup(mnl_socket_get_fd(socket_.get())));
    wait();
}

void NetworkMonitor::wait() {
    descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                           [this](boost::system::error_code error) {
                               if (error) return;
                               if (drain()) changed_();
                               wait();
                           });
}

/// Reads all that waits. A message lost to a full buffer (ENOBUFS) is a change too: the whole view is read
/// again.
bool NetworkMonitor::drain() {
    std::array<char, 32768> buffer{};
    bool any = false;
    for (;;) {
        auto const length = mnl_socket_recvfrom(socket_.get(), buffer.data(), buffer.size());
        if (length <= 0 && errno != ENOBUFS && errno != EINTR) return any;
        any = true;
    }
}

} // namespace pointsman
