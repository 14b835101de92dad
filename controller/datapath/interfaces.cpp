#include "controller/datapath/interfaces.hpp"

#include "controller/datapath/error.hpp"
#include "controller/datapath/netlink.hpp"

#include <array>
#include <cstring>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

namespace pointsman {
namespace {

std::string kind_of(nlattr const* info) {
    std::string kind;
    for_each_nested(info, [&](int type, nlattr const* attribute) {
        if (type == IFLA_INFO_KIND) kind = mnl_attr_get_str(attribute);
    });
    return kind;
}

Interface describe(nlmsghdr const* message) {
    auto const* header = static_cast<ifinfomsg const*>(mnl_nlmsg_get_payload(message));
    Interface interface;
    interface.ifindex = static_cast<std::uint32_t>(header->ifi_index);
    interface.up = (header->ifi_flags & IFF_UP) != 0;
    interface.running = interface.up && (header->ifi_flags & IFF_RUNNING) != 0;
    interface.loopback = (header->ifi_flags & IFF_LOOPBACK) != 0;
    for_each_attribute(message, sizeof(*header), [&](int type, nlattr const* attribute) {
        switch (type) {
        case IFLA_IFNAME: interface.name = mnl_attr_get_str(attribute); break;
        case IFLA_MTU: interface.mtu = mnl_attr_get_u32(attribute); break;
        case IFLA_LINK_NETNSID: interface.peer_elsewhere = true; break;
        case IFLA_LINKINFO: interface.kind = kind_of(attribute); break;
        case IFLA_ADDRESS:
            if (mnl_attr_get_payload_len(attribute) == interface.mac.size())
                std::memcpy(interface.mac.data(), mnl_attr_get_payload(attribute), interface.mac.size());
            break;
        default: break;
        }
    });
    interface.peer_elsewhere = interface.peer_elsewhere && interface.kind == "veth";
    return interface;
}

} // namespace

std::vector<Interface> read_interfaces(Netlink& netlink) {
    std::array<char, 512> buffer{};
    auto* const message = mnl_nlmsg_put_header(buffer.data());
    message->nlmsg_type = RTM_GETLINK;
    message->nlmsg_flags = NLM_F_DUMP;
    mnl_nlmsg_put_extra_header(message, sizeof(ifinfomsg));
    std::vector<Interface> interfaces;
    if (auto const error =
            netlink.request(message, [&](auto const* answer) { interfaces.push_back(describe(answer)); }))
        throw DatapathError{"cannot list the interfaces: " + error.message(), "check the network namespace"};
    return interfaces;
}

} // namespace pointsman
