#pragma once

#include "healthcheck/outcome.hpp"
#include "healthcheck/probe.hpp"
#include "healthcheck/probe_deadline.hpp"
#include "healthcheck/probe_way.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pointsman {

/// What failed, and the outcome's code that follows from its error.
enum class ProbeStep : std::uint8_t { connect, tls, answer };

/// The TCP connection of one probe, with or without TLS, and the one deadline of all that it does: when it
/// passes, the socket is closed and every operation, under way or begun later, fails with deadline_passed().
///
/// Every operation returns its error; they throw system_error(operation_aborted) when the coroutine is
/// cancelled.
class ProbeConnection {
public:
    /// The time runs from here.
    ProbeConnection(boost::asio::any_io_executor const& executor, ProbeTarget const& target);
    ProbeConnection(ProbeConnection const&) = delete;
    ProbeConnection& operator=(ProbeConnection const&) = delete;
    ~ProbeConnection();

    [[nodiscard]] boost::asio::awaitable<boost::system::error_code> connect();

    /// Agrees upon TLS. `flaw` says in words why not.
    [[nodiscard]] boost::asio::awaitable<boost::system::error_code> start_tls(std::string& flaw);

    /// Sends all of it.
    [[nodiscard]] boost::asio::awaitable<boost::system::error_code> write(std::string_view octets);

    struct Piece {
        boost::system::error_code error; ///< asio::error::eof at the end, by TLS without its proper end too
        std::string_view octets;         ///< in the buffer that was given
    };
    /// Some octets, at least one.
    [[nodiscard]] boost::asio::awaitable<Piece> read(std::span<char> buffer);

    /// The outcome of an operation that failed.
    [[nodiscard]] Outcome failure(ProbeStep step, boost::system::error_code error) const;
    /// An outcome that ends now.
    [[nodiscard]] Outcome outcome(OutcomeCode code) const;

private:
    using Tls = boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>;

    [[nodiscard]] boost::asio::awaitable<boost::system::error_code>
    wait(boost::asio::ip::tcp::socket::wait_type for_what);
    [[nodiscard]] boost::system::error_code watch();
    [[nodiscard]] boost::system::error_code judged(boost::system::error_code error) const;
    void note_first(std::size_t octets);
    void close() noexcept;

    ProbeTarget const& target_;
    std::chrono::steady_clock::time_point started_;
    ProbeSteps steps_;
    ProbePass pass_;
    int fd_ = -1;
    boost::asio::ip::tcp::socket
        socket_; ///< has fd_ from the first wait on: one that need not wait costs less
    std::unique_ptr<Tls> tls_;
    bool asked_ = false; ///< something was sent since the last octets came: an answer is not there yet
    ProbeDeadline deadline_;
};

} // namespace pointsman
