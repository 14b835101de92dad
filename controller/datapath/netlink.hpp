#pragma once

#include "controller/datapath/owned_fd.hpp"

#include <boost/system/error_code.hpp>
#include <cstdint>
#include <functional>
#include <libmnl/libmnl.h>
#include <memory>

namespace pointsman {

/// Calls `visit(type, attribute)` for each attribute behind a message's header of `header_size` octets.
/// (libmnl's own macros are C only.)
template<typename Visit>
void for_each_attribute(nlmsghdr const* message, std::size_t header_size, Visit visit) {
    auto const call = [](nlattr const* attribute, void* data) {
        (*static_cast<Visit*>(data))(mnl_attr_get_type(attribute), attribute);
        return static_cast<int>(MNL_CB_OK);
    };
    mnl_attr_parse(message, static_cast<unsigned>(header_size), call, &visit);
}

/// The same for the attributes nested in one.
template<typename Visit>
void for_each_nested(nlattr const* nest, Visit visit) {
    auto const call = [](nlattr const* attribute, void* data) {
        (*static_cast<Visit*>(data))(mnl_attr_get_type(attribute), attribute);
        return static_cast<int>(MNL_CB_OK);
    };
    mnl_attr_parse_nested(nest, call, &visit);
}

/// One rtnetlink socket for requests and their answers.
class Netlink {
public:
    /// @throws DatapathError when the kernel gives no socket.
    Netlink();

    /// Sends a request and hands each answering message to `each`.
    [[nodiscard]] boost::system::error_code request(nlmsghdr* message,
                                                    std::function<void(nlmsghdr const*)> const& each);

private:
    struct Close {
        void operator()(mnl_socket* socket) const noexcept { mnl_socket_close(socket); }
    };

    std::unique_ptr<mnl_socket, Close> socket_;
    std::uint32_t sequence_ = 0;
};

} // namespace pointsman
