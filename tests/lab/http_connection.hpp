#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <sys/socket.h>

namespace lab {

/// CLOCK_MONOTONIC in ns: the same clock in every network namespace, and the one of the audit trail's
/// `mono_ns`.
[[nodiscard]] std::int64_t monotonic_ns() noexcept;

/// How one exchange (connect, request, whole answer) went. `local` is this machine's own fault: no ports, no
/// descriptors.
enum class Result { pending, ok, refused, reset, timeout, unreachable, closed, status, local };

[[nodiscard]] std::string_view name_of(Result result) noexcept;

/// Where to connect.
struct Endpoint {
    sockaddr_storage address{};
    socklen_t length = 0;
};

/// Throws std::invalid_argument for what is not an IPv4 or IPv6 address.
[[nodiscard]] Endpoint endpoint_of(std::string const& address, std::uint16_t port);

/// One non-blocking HTTP/1.1 connection, registered edge-triggered with an epoll instance under `key`.
class HttpConnection {
public:
    HttpConnection() = default;
    HttpConnection(HttpConnection const&) = delete;
    HttpConnection& operator=(HttpConnection const&) = delete;
    ~HttpConnection() { close(); }

    /// Starts the TCP handshake. Anything but `pending` is a failure.
    [[nodiscard]] Result open(Endpoint const& endpoint, int epoll, std::uint64_t key);

    /// Sends a request, at once or when the handshake is done.
    [[nodiscard]] Result ask(std::string_view request);

    /// To be called when epoll reports the connection: `pending` until the whole answer is there.
    [[nodiscard]] Result advance();

    /// Whether the peer has closed or cut the connection, told by the error that a read meets; `ok` while it
    /// lives.
    [[nodiscard]] Result peer_state();

    void close() noexcept;

    [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }
    [[nodiscard]] bool awaits_answer() const noexcept { return awaits_answer_; }

    /// The body of the last whole answer without trailing blanks: the name of the backend that gave it.
    [[nodiscard]] std::string const& backend() const noexcept { return backend_; }

private:
    [[nodiscard]] Result flush();
    [[nodiscard]] Result parse();

    int fd_ = -1;
    bool connected_ = false;
    bool awaits_answer_ = false;
    std::string outgoing_;
    std::string incoming_;
    std::string backend_;
};

} // namespace lab
