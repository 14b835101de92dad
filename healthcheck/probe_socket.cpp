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
using asio::ip::tcp;
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

/// Set behind Asio's back: Asio's destructor would undo a lingering time that was set through it.
bool set_options(int fd) noexcept {
    return set_option(fd, SOL_SOCKET, SO_LINGER, linger{.l_onoff = 1, .l_linger = 0}) &&
           set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

error_code last_error() noexcept {
    return {errno, boost::system::system_category()};
}

} // namespace

tcp::endpoint endpoint_of(ProbeTarget const& target) {
    return {ip_of(target.address), target.port};
}

tcp::socket open_probe_socket(asio::any_io_executor const& executor, Address const& address,
                              error_code& error) {
    tcp::socket socket{executor};
    int const family = address.is_v4() ? AF_INET : AF_INET6;
    int const fd = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (fd < 0) {
        error = last_error();
        return socket;
    }
    if (set_options(fd))
        socket.assign(address.is_v4() ? tcp::v4() : tcp::v6(), fd, error);
    else
        error = last_error();
    if (error) ::close(fd);
    return socket;
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
    return error == asio::error::timed_out ? OutcomeCode::L4TOUT : OutcomeCode::L4CON;
}

OutcomeCode code_of_answer_error(error_code error) noexcept {
    if (is_own_fault(error)) return OutcomeCode::OWN;
    return error == asio::error::timed_out ? OutcomeCode::L7TOUT : OutcomeCode::L7RSP;
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
