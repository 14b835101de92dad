// Answers health checks on every address of a network at once, and tells how regularly they came.
//
//   probed_server PORT
//       Listens on all addresses, those that are local only by a route included (ip route add local
//       10.80.0.0/16 dev lo). A connection that sends something is answered as by an HTTP server that closes;
//       one that says nothing is kept until its client ends it.
//
// SIGUSR1: one JSON line about the connections since the last one, {"connections": …, "addresses": …,
// "gap_ms":
// {"p1", "p50", "p99", "max"}}: a gap is the time between two connections to one address. SIGTERM ends it.
#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <netinet/in.h>
#include <stdexcept>
#include <string_view>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <system_error>
#include <time.h>
#include <unistd.h>
#include <vector>

namespace {

constexpr std::string_view answer =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";

volatile std::sig_atomic_t report_asked = 0;
volatile std::sig_atomic_t stop_asked = 0;

int checked(int result, char const* what) {
    if (result < 0) throw std::system_error{errno, std::generic_category(), what};
    return result;
}

std::int64_t now_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

/// When connections came, by the last 16 bits of the address that they came to.
class Arrivals {
public:
    void note(std::uint16_t address) {
        auto const now = now_ns();
        auto& last = last_[address];
        if (last != 0) gaps_.push_back(now - last);
        addresses_ += last == 0;
        last = now;
        ++connections_;
    }

    /// Of all until now; forgets the gaps.
    void report() {
        std::sort(gaps_.begin(), gaps_.end());
        auto const quantile = [this](double share) {
            if (gaps_.empty()) return 0.0;
            auto const index = static_cast<std::size_t>(share * static_cast<double>(gaps_.size() - 1));
            return static_cast<double>(gaps_[index]) / 1e6;
        };
        std::printf(
            R"({"connections": %zu, "addresses": %zu, "gap_ms": {"p1": %.3f, "p50": %.3f, "p99": %.3f, )"
            R"("max": %.3f}})"
            "\n",
            connections_, addresses_, quantile(0.01), quantile(0.5), quantile(0.99), quantile(1));
        std::fflush(stdout);
        gaps_.clear();
        connections_ = 0;
    }

private:
    std::array<std::int64_t, 65536> last_{};
    std::vector<std::int64_t> gaps_;
    std::size_t connections_ = 0;
    std::size_t addresses_ = 0;
};

class ProbedServer {
public:
    explicit ProbedServer(std::uint16_t port) {
        constexpr int on = 1;
        constexpr int longest_queue = 65535;
        ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        sockaddr_in any{};
        any.sin_family = AF_INET;
        any.sin_port = htons(port);
        checked(::bind(listener_, reinterpret_cast<sockaddr const*>(&any), sizeof any), "bind");
        checked(::listen(listener_, longest_queue), "listen");
        watch(listener_);
    }

    void run() {
        std::array<epoll_event, 256> events;
        while (!stop_asked) {
            if (report_asked) arrivals_.report();
            report_asked = 0;
            int const count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 100);
            for (int i = 0; i < count; ++i) {
                int const fd = events[static_cast<std::size_t>(i)].data.fd;
                if (fd == listener_)
                    accept_all();
                else
                    serve(fd);
            }
        }
    }

private:
    void watch(int fd) const {
        epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
        checked(::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
    }

    void accept_all() {
        for (;;) {
            int const fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd < 0 && errno == ECONNABORTED) continue;
            if (fd < 0) return;
            sockaddr_in local{};
            socklen_t size = sizeof local;
            ::getsockname(fd, reinterpret_cast<sockaddr*>(&local), &size);
            arrivals_.note(static_cast<std::uint16_t>(ntohl(local.sin_addr.s_addr)));
            if (!serve(fd)) watch(fd);
        }
    }

    /// @return false while the connection is silent; closed otherwise.
    bool serve(int fd) const {
        std::array<char, 2048> request;
        auto const received = ::recv(fd, request.data(), request.size(), 0);
        if (received < 0 && errno == EAGAIN) return false;
        if (received > 0) (void)::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
        ::close(fd);
        return true;
    }

    int epoll_ = checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    int listener_ = checked(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
    Arrivals arrivals_;
};

} // namespace

int main(int argc, char** argv) {
    try {
        if (argc != 2) throw std::invalid_argument("usage: probed_server PORT");
        std::signal(SIGUSR1, [](int) { report_asked = 1; });
        std::signal(SIGTERM, [](int) { stop_asked = 1; });
        ProbedServer{static_cast<std::uint16_t>(std::atoi(argv[1]))}.run();
        return 0;
    } catch (std::exception const& error) {
        std::fprintf(stderr, "probed_server: %s\n", error.what());
        return 2;
    }
}
