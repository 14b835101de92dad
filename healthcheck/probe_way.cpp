#include "healthcheck/probe_way.hpp"

#include "healthcheck/probe_socket.hpp"

#include <boost/asio/query.hpp>

#include <cerrno>
#include <sys/socket.h>

namespace pointsman {

namespace asio = boost::asio;
using boost::system::error_code;

asio::execution_context::id ProbeWays::id;

namespace {

/// Takes a free port, which is then nobody else's, and tells who the socket is.
error_code identify(int fd, asio::ip::tcp const& family, ProbeEntry& entry) noexcept {
    asio::ip::tcp::endpoint own{family, 0};
    socklen_t size = sizeof entry.cookie;
    if (::bind(fd, own.data(), static_cast<socklen_t>(own.size())) != 0 ||
        ::getsockopt(fd, SOL_SOCKET, SO_COOKIE, &entry.cookie, &size) != 0)
        return last_error();
    size = static_cast<socklen_t>(own.capacity());
    if (::getsockname(fd, own.data(), &size) != 0) return last_error();
    entry.own_port = own.port();
    return {};
}

} // namespace

ProbePass::ProbePass(asio::any_io_executor const& executor, ProbeTarget const& target) : target_{target} {
    if (target.service)
        way_ = asio::use_service<ProbeWays>(asio::query(executor, asio::execution::context)).get();
}

ProbePass::~ProbePass() {
    if (entered_) way_->leave(target_, entry_);
}

error_code ProbePass::enter(int fd, bool stream) noexcept {
    if (!target_.service) return {};
    if (way_ == nullptr) return {EPERM, boost::system::system_category()};
    entry_.fd = fd;
    entry_.stream = stream;
    if (auto const error = identify(fd, endpoint_of(target_).protocol(), entry_)) return error;
    auto const error = way_->enter(target_, entry_);
    entered_ = !error;
    return error;
}

} // namespace pointsman
