#pragma once

#include "controller/model/address.hpp"
#include "controller/model/desired_state.hpp"
#include "controller/model/ids.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

struct ring_buffer;

namespace pointsman {

enum class ConnectionEventType : std::uint8_t {
    established,
    closed,
    refused,    ///< the backend answered SYN with RST
    unanswered, ///< the client repeated its SYN
    cut,        ///< on_down met an established flow
    rehashed,
    ports_exhausted,
    aborted, ///< the backend sent RST on an established flow
};
inline constexpr std::size_t connection_event_types = 8;

[[nodiscard]] std::string_view name_of(ConnectionEventType type) noexcept;

/// What the datapath saw of one connection.
struct ConnectionEvent {
    ConnectionEventType type = ConnectionEventType::established;
    std::uint64_t time_ns = 0; ///< CLOCK_MONOTONIC
    BackendId backend = BackendId::none;
    std::uint32_t incarnation = 0;
    ServiceId service = ServiceId::none;
    Protocol protocol = Protocol::tcp;
    Address client;
    std::uint16_t client_port = 0;
    std::uint16_t service_port = 0;
    std::chrono::microseconds handshake{}; ///< established only

    /// Does this speak against the backend, so that a probe should ask now?
    [[nodiscard]] bool is_evidence() const noexcept {
        return type == ConnectionEventType::refused || type == ConnectionEventType::unanswered ||
               type == ConnectionEventType::aborted;
    }
};

/// Hands the ring buffer's records to the loop: urgent ones at once, the others at most `patience` later.
class EventRing {
public:
    static constexpr std::chrono::milliseconds patience{100};

    /// @throws DatapathError when libbpf cannot map the ring.
    EventRing(boost::asio::io_context& context, int ring_fd,
              std::function<void(ConnectionEvent const&)> receive);
    ~EventRing();

private:
    void wait_for_wakeup();
    void wait_for_patience();
    void consume();
    static int take(void* self, void* record, std::size_t size);

    std::unique_ptr<ring_buffer, void (*)(ring_buffer*)> ring_;
    boost::asio::posix::stream_descriptor descriptor_;
    boost::asio::steady_timer timer_;
    std::function<void(ConnectionEvent const&)> receive_;
};

} // namespace pointsman
