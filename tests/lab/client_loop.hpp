#pragma once

#include "http_connection.hpp"

#include <csignal>
#include <vector>

#include <sys/epoll.h>
#include <unistd.h>

namespace lab {

inline constexpr std::int64_t ms = 1'000'000;
inline constexpr std::int64_t second = 1'000 * ms;
inline constexpr std::int64_t linger =
    100 * ms; ///< how long the server may take to close first, so that TIME_WAIT is its own

inline volatile std::sig_atomic_t stop_asked = 0; ///< set by SIGTERM and SIGINT

struct Options {
    std::string mode;
    std::string address;
    std::uint16_t port = 0;
    std::string path = "/";
    std::int64_t parallel = 16;
    std::int64_t rate = 2000;
    std::int64_t seconds = 10;
    std::int64_t count = 1'000'000;
    std::int64_t timeout_ms = 3000;
    std::int64_t interval_ms = 50;
    std::int64_t ports = 1;

    /// Of the `number`-th connection, from 0.
    [[nodiscard]] Endpoint endpoint(std::int64_t number = 0) const {
        return endpoint_of(address, static_cast<std::uint16_t>(port + number % ports));
    }
};

[[nodiscard]] inline std::string request_of(Options const& options, char const* connection) {
    return "GET " + options.path + " HTTP/1.1\r\nHost: lab\r\nConnection: " + connection + "\r\n\r\n";
}

/// Owns the epoll instance; calls `on_ready(index)` for each connection that is ready, for at most a
/// millisecond's wait.
class Poller {
public:
    Poller() : fd_(epoll_create1(EPOLL_CLOEXEC)) {}
    Poller(Poller const&) = delete;
    Poller& operator=(Poller const&) = delete;
    ~Poller() { ::close(fd_); }

    [[nodiscard]] int fd() const noexcept { return fd_; }

    template<class OnReady>
    void wait(OnReady on_ready) {
        std::vector<epoll_event> events(256);
        auto const count = epoll_wait(fd_, events.data(), static_cast<int>(events.size()), 1);
        for (int i = 0; i < count; ++i)
            on_ready(events[static_cast<std::size_t>(i)].data.u64);
    }

private:
    int fd_;
};

} // namespace lab
