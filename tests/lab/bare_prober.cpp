// The least that probing can cost: connects to PORTS ports from FIRST on, one after the other, RATE a second,
// resets each connection as soon as it stands, and does nothing else. Ends by a signal.
//
//   bare_prober ADDRESS FIRST PORTS RATE
#include "http_connection.hpp"

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace lab {
namespace {

constexpr int patience_ms = 1000;

/// A socket that serves one connection after another: connecting it to AF_UNSPEC resets what it was connected
/// to.
void probe(int fd, Endpoint const& to) {
    if (::connect(fd, reinterpret_cast<sockaddr const*>(&to.address), to.length) != 0 && errno != EINPROGRESS)
        throw std::runtime_error("cannot connect");
    pollfd connected{.fd = fd, .events = POLLOUT, .revents = 0};
    if (::poll(&connected, 1, patience_ms) != 1 || (connected.revents & (POLLERR | POLLHUP)) != 0)
        throw std::runtime_error("nobody answers");
    sockaddr const nowhere{.sa_family = AF_UNSPEC, .sa_data = {}};
    ::connect(fd, &nowhere, sizeof nowhere);
}

[[noreturn]] void run(std::string const& address, unsigned first, unsigned ports, std::int64_t rate) {
    using namespace std::chrono;
    auto due = steady_clock::now();
    int const fd =
        ::socket(endpoint_of(address, 0).address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    for (unsigned next = 0;; next = (next + 1) % ports) {
        probe(fd, endpoint_of(address, static_cast<std::uint16_t>(first + next)));
        due += nanoseconds{1s} / rate;
        std::this_thread::sleep_until(due);
    }
}

} // namespace
} // namespace lab

int main(int argc, char** argv) {
    try {
        if (argc != 5) throw std::invalid_argument("usage: bare_prober ADDRESS FIRST PORTS RATE");
        auto const number = [argv](int index) { return static_cast<unsigned>(std::stoul(argv[index])); };
        lab::run(argv[1], number(2), number(3), number(4));
    } catch (std::exception const& error) {
        std::fprintf(stderr, "bare_prober: %s\n", error.what());
        return 2;
    }
}
