#include "http_connection.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

namespace lab {
namespace {

constexpr std::size_t max_answer = 65536; ///< bytes; a longer answer counts as a wrong one

Result result_of(int error) noexcept {
    switch (error) {
    case ECONNREFUSED: return Result::refused;
    case ECONNRESET:
    case EPIPE: return Result::reset;
    case ETIMEDOUT: return Result::timeout;
    case EHOSTUNREACH:
    case ENETUNREACH: return Result::unreachable;
    default: return Result::local;
    }
}

/// The value of Content-Length in a block of header lines; 0 when it is absent.
std::size_t content_length(std::string_view head) {
    constexpr std::string_view key = "\r\nContent-Length: ";
    auto const at = head.find(key);
    if (at == std::string_view::npos) return 0;
    std::size_t length = 0;
    std::from_chars(head.data() + at + key.size(), head.data() + head.size(), length);
    return length;
}

} // namespace

std::int64_t monotonic_ns() noexcept {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

std::string_view name_of(Result result) noexcept {
    constexpr std::array<std::string_view, 9> names = {"pending",     "ok",     "refused", "reset", "timeout",
                                                       "unreachable", "closed", "status",  "local"};
    return names.at(static_cast<std::size_t>(result));
}

Endpoint endpoint_of(std::string const& address, std::uint16_t port) {
    Endpoint endpoint;
    sockaddr_in v4{};
    sockaddr_in6 v6{};
    if (inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        std::memcpy(&endpoint.address, &v4, sizeof v4);
        endpoint.length = sizeof v4;
    } else if (inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1) {
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(port);
        std::memcpy(&endpoint.address, &v6, sizeof v6);
        endpoint.length = sizeof v6;
    } else {
        throw std::invalid_argument("not an address: " + address);
    }
    return endpoint;
}

Result HttpConnection::open(Endpoint const& endpoint, int epoll, std::uint64_t key) {
    close();
    fd_ = socket(endpoint.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd_ < 0) return Result::local;
    int const on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.u64 = key}};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd_, &event) != 0) return Result::local;
    if (connect(fd_, reinterpret_cast<sockaddr const*>(&endpoint.address), endpoint.length) == 0) {
        connected_ = true;
        return Result::pending;
    }
    return errno == EINPROGRESS ? Result::pending : result_of(errno);
}

Result HttpConnection::ask(std::string_view request) {
    outgoing_ = request;
    incoming_.clear();
    awaits_answer_ = true;
    return connected_ ? flush() : Result::pending;
}

Result HttpConnection::advance() {
    if (!connected_) {
        int error = 0;
        socklen_t length = sizeof error;
        getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &length);
        if (error != 0) return result_of(error);
        sockaddr_storage peer{};
        length = sizeof peer;
        if (getpeername(fd_, reinterpret_cast<sockaddr*>(&peer), &length) != 0) return Result::pending;
        connected_ = true;
    }
    if (auto const sent = flush(); sent != Result::pending) return sent;
    std::array<char, 4096> bytes{};
    for (;;) {
        auto const count = recv(fd_, bytes.data(), bytes.size(), 0);
        if (count > 0) {
            incoming_.append(bytes.data(), static_cast<std::size_t>(count));
            if (auto const parsed = parse(); parsed != Result::pending) return parsed;
        } else if (count == 0) {
            return Result::closed;
        } else {
            return errno == EAGAIN ? Result::pending : result_of(errno);
        }
    }
}

Result HttpConnection::peer_state() {
    std::array<char, 4096> bytes{};
    for (;;) {
        auto const count = recv(fd_, bytes.data(), bytes.size(), 0);
        if (count == 0) return Result::closed;
        if (count < 0) return errno == EAGAIN ? Result::ok : result_of(errno);
    }
}

void HttpConnection::close() noexcept {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
    connected_ = false;
    awaits_answer_ = false;
    outgoing_.clear();
    incoming_.clear();
}

Result HttpConnection::flush() {
    while (!outgoing_.empty()) {
        auto const count = send(fd_, outgoing_.data(), outgoing_.size(), MSG_NOSIGNAL);
        if (count < 0) return errno == EAGAIN ? Result::pending : result_of(errno);
        outgoing_.erase(0, static_cast<std::size_t>(count));
    }
    return Result::pending;
}

Result HttpConnection::parse() {
    if (incoming_.size() > max_answer) return Result::status;
    auto const end = incoming_.find("\r\n\r\n");
    if (end == std::string::npos) return Result::pending;
    auto const head = std::string_view(incoming_).substr(0, end + 2);
    auto const body = std::string_view(incoming_).substr(end + 4);
    if (body.size() < content_length(head)) return Result::pending;
    awaits_answer_ = false;
    if (!head.starts_with("HTTP/1.1 200")) return Result::status;
    backend_ = body.substr(0, body.find_last_not_of(" \r\n") + 1);
    return Result::ok;
}

} // namespace lab
