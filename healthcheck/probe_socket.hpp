#pragma once

#include "healthcheck/outcome.hpp"
#include "healthcheck/probe.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>

namespace pointsman {

[[nodiscard]] boost::asio::ip::tcp::endpoint endpoint_of(ProbeTarget const& target);

/// A TCP socket for one probe: closed on exec, without Nagle's delay, and reset (RST) whenever it is closed,
/// so that no probe leaves a TIME_WAIT behind. On failure `error` says why and the socket is not open.
[[nodiscard]] boost::asio::ip::tcp::socket open_probe_socket(boost::asio::any_io_executor const& executor,
                                                             Address const& address,
                                                             boost::system::error_code& error);

/// The balancer's own lack (descriptors, ports, memory, link, permission): says nothing about the backend.
[[nodiscard]] bool is_own_fault(boost::system::error_code error) noexcept;

/// What a failed system call means before and after the connection stood: OWN, L4TOUT or L4CON; OWN, L7TOUT
/// or L7RSP.
[[nodiscard]] OutcomeCode code_of_connect_error(boost::system::error_code error) noexcept;
[[nodiscard]] OutcomeCode code_of_answer_error(boost::system::error_code error) noexcept;

/// The kernel's errno in `error`, 0 when it comes from elsewhere (a deadline, end of stream).
[[nodiscard]] int errno_of(boost::system::error_code error) noexcept;

/// Throws when the coroutine was cancelled; every other error is left to the caller.
void throw_if_cancelled(boost::system::error_code error);

[[nodiscard]] std::chrono::microseconds elapsed_since(std::chrono::steady_clock::time_point started) noexcept;

} // namespace pointsman
