#include "controller/datapath/netlink.hpp"

#include "controller/datapath/error.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <linux/rtnetlink.h>

namespace pointsman {
namespace {

int dispatch(nlmsghdr const* message, void* each) {
    (*static_cast<std::function<void(nlmsghdr const*)> const*>(each))(message);
    return MNL_CB_OK;
}

} // namespace

Netlink::Netlink() : socket_{mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC)} {
    if (!socket_ || mnl_socket_bind(socket_.get(), 0, MNL_SOCKET_AUTOPID) < 0)
        throw DatapathError{std::string{"no rtnetlink socket: "} + std::strerror(errno),
                            "raise the limit of open files"};
}

boost::system::error_code Netlink::request(nlmsghdr* message,
                                           std::function<void(nlmsghdr const*)> const& each) {
    auto const failed = [] { return boost::system::error_code{errno, boost::system::system_category()}; };
    message->nlmsg_seq = ++sequence_;
    message->nlmsg_flags |= NLM_F_REQUEST;
    if (!(message->nlmsg_flags & NLM_F_DUMP)) message->nlmsg_flags |= NLM_F_ACK;
    if (mnl_socket_sendto(socket_.get(), message, message->nlmsg_len) < 0) return failed();
    std::array<char, 32768> buffer{};
    auto const port = mnl_socket_get_portid(socket_.get());
    for (;;) {
        auto const length = mnl_socket_recvfrom(socket_.get(), buffer.data(), buffer.size());
        if (length < 0) return failed();
        auto const state = mnl_cb_run(buffer.data(), static_cast<std::size_t>(length), sequence_, port,
                                      dispatch, const_cast<void*>(static_cast<void const*>(&each)));
        if (state < 0) return failed();
        if (state == MNL_CB_STOP) return {};
    }
}

} // namespace pointsman
