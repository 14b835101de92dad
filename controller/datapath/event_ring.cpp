#include "controller/datapath/event_ring.hpp"

#include "controller/datapath/abi.hpp"
#include "controller/datapath/error.hpp"

#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <utility>

namespace pointsman {
namespace {

constexpr std::uint64_t coarse_us_in_ns = 1024; ///< unit of pm_event.handshake_us

ConnectionEvent decode(pm_event const& event) {
    return {
        .type = static_cast<ConnectionEventType>(event.type),
        .time_ns = event.time_ns,
        .backend = static_cast<BackendId>(event.backend),
        .incarnation = event.incarnation,
        .service = ServiceId{event.service},
        .protocol = static_cast<Protocol>(event.protocol),
        .client = from_abi(event.client),
        .client_port = ntohs(event.client_port),
        .service_port = ntohs(event.service_port),
        .handshake = std::chrono::microseconds{event.handshake_us * coarse_us_in_ns / 1000},
    };
}

} // namespace

std::string_view name_of(ConnectionEventType type) noexcept {
    switch (type) {
    case ConnectionEventType::established: return "established";
    case ConnectionEventType::closed: return "closed";
    case ConnectionEventType::refused: return "refused";
    case ConnectionEventType::unanswered: return "unanswered";
    case ConnectionEventType::cut: return "cut";
    case ConnectionEventType::rehashed: return "rehashed";
    case ConnectionEventType::ports_exhausted: return "ports_exhausted";
    case ConnectionEventType::aborted: return "aborted";
    }
    std::unreachable();
}

EventRing::EventRing(boost::asio::io_context& context, int ring_fd,
                     std::function<void(ConnectionEvent const&)> receive)
    : ring_{ring_buffer__new(ring_fd, take, this, nullptr), ring_buffer__free}
    , descriptor_{context}
    , timer_{context}
    , receive_{std::move(receive)} {
    if (!ring_) throw DatapathError{"cannot map the event ring", "raise the limit of open files"};
    descriptor_.assign(::dup(ring_buffer__epoll_fd(ring_.get())));
    wait_for_wakeup();
    wait_for_patience();
}

EventRing::~EventRing() = default;

void EventRing::wait_for_wakeup() {
    descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                           [this](boost::system::error_code error) {
                               if (error) return;
                               consume();
                               wait_for_wakeup();
                           });
}

void EventRing::wait_for_patience() {
    timer_.expires_after(patience);
    timer_.async_wait([this](boost::system::error_code error) {
        if (error) return;
        consume();
        wait_for_patience();
    });
}

void EventRing::consume() {
    ring_buffer__consume(ring_.get());
}

int EventRing::take(void* self, void* record, std::size_t size) {
    if (size >= sizeof(pm_event))
        static_cast<EventRing*>(self)->receive_(decode(*static_cast<pm_event const*>(record)));
    return 0;
}

} // namespace pointsman
