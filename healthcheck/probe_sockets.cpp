#include "healthcheck/probe_sockets.hpp"

#include "healthcheck/probe_socket.hpp"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <netinet/tcp.h>
#include <span>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace pointsman {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

int make_epoll() {
    int const fd = ::epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0) throw std::system_error{errno, std::generic_category(), "epoll_create1"};
    return fd;
}

/// Back to a socket that never was connected; a connection is reset.
bool disconnect(int fd) noexcept {
    sockaddr const nowhere{.sa_family = AF_UNSPEC, .sa_data = {}};
    return ::connect(fd, &nowhere, sizeof nowhere) == 0;
}

} // namespace

ProbeSockets::ProbeSockets(asio::any_io_executor const& executor)
    : epoll_{executor, make_epoll()}
    , next_look_{executor}
    , self_{std::make_shared<ProbeSockets*>(this)} {}

ProbeSockets::~ProbeSockets() {
    *self_ = nullptr;
    for (auto const& [unused, socket] : sockets_) {
        assert(socket->user == nullptr);
        ::close(socket->fd);
    }
}

ProbeSockets::Socket* ProbeSockets::connect(ProbeTarget const& target, User& user, error_code& error) {
    auto* const socket = take(target.address.is_v4(), error);
    if (!socket) return nullptr;
    auto const to = endpoint_of(target);
    int const result = ::connect(socket->fd, to.data(), static_cast<socklen_t>(to.size()));
    error = result == 0 || errno == EINPROGRESS ? error_code{} : last_error();
    if (error) {
        forget(*socket);
        return nullptr;
    }
    socket->user = &user;
    ++in_use_;
    return socket;
}

void ProbeSockets::give_back(Socket& socket, bool again) {
    socket.user = nullptr;
    --in_use_;
    ended_any_ = true;
    if (!again || !disconnect(socket.fd)) return forget(socket);
    if (dispatching_)
        given_back_.push_back(&socket);
    else
        rest(socket);
}

void ProbeSockets::rest(Socket& socket) {
    auto& resting = resting_[socket.is_v4];
    if (resting.size() == most_resting) return forget(socket);
    resting.push_back(&socket);
}

void ProbeSockets::close_resting() {
    for (auto& resting : resting_)
        for (auto* const socket : std::exchange(resting, {}))
            forget(*socket);
    if (!sockets_.empty()) return;
    epoll_.cancel();
    next_look_.cancel();
}

ProbeSockets::Socket* ProbeSockets::take(bool is_v4, error_code& error) {
    auto& resting = resting_[is_v4];
    if (!resting.empty()) {
        auto* const socket = resting.back();
        resting.pop_back();
        return socket;
    }
    int const fd = make_probe_stream(is_v4, error);
    if (fd < 0) return nullptr;
    auto socket = std::make_unique<Socket>(Socket{.fd = fd, .is_v4 = is_v4});
    epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.ptr = socket.get()}};
    if (::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, fd, &event) != 0) {
        error = last_error();
        ::close(fd);
        return nullptr;
    }
    if (!dispatching_) listen();
    auto* const taken = socket.get();
    sockets_.emplace(taken, std::move(socket));
    return taken;
}

void ProbeSockets::forget(Socket& socket) {
    ::close(socket.fd);
    auto entry = sockets_.extract(&socket);
    if (dispatching_) closed_.push_back(std::move(entry.mapped()));
}

void ProbeSockets::listen() {
    if (std::exchange(listening_, true)) return;
    auto look = [self = self_](error_code error) {
        if (!*self) return;
        (*self)->listening_ = false;
        if (!error) (*self)->dispatch();
    };
    if (in_use_ < many_in_use || !found_any_)
        return epoll_.async_wait(asio::posix::stream_descriptor::wait_read, std::move(look));
    next_look_.expires_after(pause);
    next_look_.async_wait(std::move(look));
}

class ProbeSockets::Dispatching {
public:
    explicit Dispatching(ProbeSockets& sockets) noexcept : sockets_{sockets} { sockets_.dispatching_ = true; }
    Dispatching(Dispatching const&) = delete;
    Dispatching& operator=(Dispatching const&) = delete;
    ~Dispatching() {
        sockets_.dispatching_ = false;
        sockets_.closed_.clear();
        for (auto* const socket : std::exchange(sockets_.given_back_, {}))
            sockets_.rest(*socket);
    }

private:
    ProbeSockets& sockets_;
};

/// Until nothing ends any more: the end of a connection is an event too, which would wake the loop for
/// nothing. Goes on listening even if a user throws.
void ProbeSockets::dispatch() {
    struct Again {
        ProbeSockets& sockets;
        ~Again() {
            if (!sockets.sockets_.empty()) sockets.listen();
        }
    } const again{*this};
    found_any_ = dispatch_some();
    while (std::exchange(ended_any_, false))
        (void)dispatch_some();
}

bool ProbeSockets::dispatch_some() {
    std::array<epoll_event, 256> events;
    int const count = ::epoll_wait(epoll_.native_handle(), events.data(), static_cast<int>(events.size()), 0);
    if (count <= 0) return false;
    Dispatching const dispatching{*this};
    for (auto const& event : std::span{events}.first(static_cast<std::size_t>(count))) {
        auto const* const socket = static_cast<Socket const*>(event.data.ptr);
        if (socket->user) socket->user->on_events(event.events);
    }
    return true;
}

} // namespace pointsman
