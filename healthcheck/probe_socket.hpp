#pragma once

#include "healthcheck/outcome.hpp"
#include "healthcheck/probe.hpp"
#include "healthcheck/probe_way.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstdint>

namespace pointsman {

[[nodiscard]] boost::asio::ip::tcp::endpoint endpoint_of(ProbeTarget const& target);

enum class SocketUse : std::uint8_t {
    datagram,
    stream,         ///< only to see whether it connects, or the peer speaks first
    stream_to_speak ///< we speak first: the handshake's last ACK waits for that and goes with it
};

/// Starts connecting a new socket: closed on exec, never blocking. A stream is reset (RST) whenever it is
/// closed, so that no probe leaves a TIME_WAIT behind. Enters `pass`. @return the descriptor, or -1 and why
/// in `error`, which is EINPROGRESS with a descriptor while the connection is on its way.
[[nodiscard]] int connect_probe_socket(ProbeTarget const& target, SocketUse use, ProbePass& pass,
                                       boost::system::error_code& error) noexcept;

/// A stream socket as above that is connected nowhere and saves the last ACK of every handshake: who sends
/// nothing resets a connection that its peer's kernel does not hand on. @return the descriptor, or -1 and
/// why.
[[nodiscard]] int make_probe_stream(bool is_v4, boost::system::error_code& error) noexcept;

/// Of the next connection of a stream: the last ACK of the handshake waits for what is sent, and goes with
/// it.
void save_last_ack(int fd) noexcept;

/// The error of a connection that was on its way.
[[nodiscard]] boost::system::error_code pending_error(int fd) noexcept;

[[nodiscard]] boost::system::error_code last_error() noexcept;

/// The balancer's own lack (descriptors, ports, memory, link, permission): says nothing about the backend.
[[nodiscard]] bool is_own_fault(boost::system::error_code error) noexcept;

/// What ended a probe whose deadline passed. No errno: the kernel's own ETIMEDOUT is another.
[[nodiscard]] boost::system::error_code deadline_passed() noexcept;

/// What a failed operation means before the connection stood, while TLS was agreed upon, and after: OWN or
/// L4TOUT, L4CON; L6TOUT, L6RSP; L7TOUT, L7RSP.
[[nodiscard]] OutcomeCode code_of_connect_error(boost::system::error_code error) noexcept;
[[nodiscard]] OutcomeCode code_of_tls_error(boost::system::error_code error) noexcept;
[[nodiscard]] OutcomeCode code_of_answer_error(boost::system::error_code error) noexcept;

/// The kernel's errno in `error`, 0 when it comes from elsewhere (a deadline, end of stream).
[[nodiscard]] int errno_of(boost::system::error_code error) noexcept;

/// Throws when the coroutine was cancelled; every other error is left to the caller.
void throw_if_cancelled(boost::system::error_code error);

[[nodiscard]] std::chrono::microseconds elapsed_since(std::chrono::steady_clock::time_point started) noexcept;

} // namespace pointsman
