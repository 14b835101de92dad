#include "healthcheck/probe_socket.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace pointsman {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

asio::ip::address ip_of(Address const& address) {
    asio::ip::address_v6 const v6{address.octets()};
    return address.is_v4() ? asio::ip::address{asio::ip::make_address_v4(asio::ip::v4_mapped, v6)} : v6;
}

template<class Value>
bool set_option(int fd, int level, int name, Value const& value) noexcept {
    return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

/// A stream's data leave at once, since all that a probe sends fits the first segments: Nagle's delay never
/// applies.
bool prepare(int fd, SocketUse use) noexcept {
    if (use == SocketUse::datagram) return true;
    if (use == SocketUse::stream_to_speak) save_last_ack(fd);
    return set_option(fd, SOL_SOCKET, SO_LINGER, linger{.l_onoff = 1, .l_linger = 0});
}

/// For all connections of a stream: connecting it anew does not undo it, as it does TCP_QUICKACK.
void save_last_acks(int fd) noexcept {
    (void)set_option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 1);
}

} // namespace

asio::ip::tcp::endpoint endpoint_of(ProbeTarget const& target) {
    return {ip_of(target.address), target.port};
}

int connect_probe_socket(ProbeTarget const& target, SocketUse use, ProbePass& pass,
                         error_code& error) noexcept {
    bool const stream = use != SocketUse::datagram;
    auto const to = endpoint_of(target);
    int const fd =
        ::socket(to.data()->sa_family, (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    error = fd >= 0 && prepare(fd, use) ? pass.enter(fd, stream) : last_error();
    if (!error && ::connect(fd, to.data(), static_cast<socklen_t>(to.size())) != 0) error = last_error();
    if (!error || (fd >= 0 && error.value() == EINPROGRESS)) return fd;
    if (fd >= 0) ::close(fd);
    return -1;
}

int make_probe_stream(bool is_v4, error_code& error) noexcept {
    int const fd = ::socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && prepare(fd, SocketUse::stream)) {
        save_last_acks(fd);
        return fd;
    }
    error = last_error();
    if (fd >= 0) ::close(fd);
    return -1;
}

void save_last_ack(int fd) noexcept {
    (void)set_option(fd, IPPROTO_TCP, TCP_QUICKACK, 0);
}

error_code pending_error(int fd) noexcept {
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return last_error();
    return {error, boost::system::system_category()};
}

error_code last_error() noexcept {
    return {errno, boost::system::system_category()};
}

error_code deadline_passed() noexcept {
    return make_error_code(boost::system::errc::timed_out);
}

bool is_own_fault(error_code error) noexcept {
    switch (errno_of(error)) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
    case EADDRNOTAVAIL: // no free port towards this backend
    case EAFNOSUPPORT:  // IPv6 is switched off here
    case ENETDOWN:
    case EACCES: // our own firewall or a prohibiting route
    case EPERM: return true;
    default: return false;
    }
}

OutcomeCode code_of_connect_error(error_code error) noexcept {
    if (is_own_fault(error)) return OutcomeCode::OWN;
    return error == boost::system::errc::timed_out ? OutcomeCode::L4TOUT : OutcomeCode::L4CON;
}

OutcomeCode code_of_tls_error(error_code error) noexcept {
    if (is_own_fault(error)) return OutcomeCode::OWN;
    return error == boost::system::errc::timed_out ? OutcomeCode::L6TOUT : OutcomeCode::L6RSP;
}

OutcomeCode code_of_answer_error(error_code error) noexcept {
    if (is_own_fault(error)) return OutcomeCode::OWN;
    return error == boost::system::errc::timed_out ? OutcomeCode::L7TOUT : OutcomeCode::L7RSP;
}

int errno_of(error_code error) noexcept {
    return error.category() == boost::system::system_category() ? error.value() : 0;
}

void throw_if_cancelled(error_code error) {
    if (error == asio::error::operation_aborted) throw boost::system::system_error{error};
}

std::chrono::microseconds elapsed_since(std::chrono::steady_clock::time_point started) noexcept {
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started);
}

} // namespace pointsman
