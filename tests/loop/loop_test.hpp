#pragma once

#include "healthcheck/outcome.hpp"
#include "healthcheck/probe.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <ostream>
#include <string>

namespace pointsman {

/// So that a failed comparison shows both outcomes.
void PrintTo(Outcome const& outcome, std::ostream* out);

namespace test {

using boost::asio::awaitable;
using boost::asio::ip::tcp;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// What a scripted backend does with one accepted connection.
using Script = std::function<awaitable<void>(tcp::socket)>;

/// Reads the request, sends `answer` in one piece and closes.
[[nodiscard]] Script answers(std::string answer);
/// Reads the request and sends `answer` octet by octet, each after `pause`.
[[nodiscard]] Script dribbles(std::string answer, Duration pause);
/// Reads the request, sends `head`, then `again` for ever.
[[nodiscard]] Script floods(std::string head, std::string again);
/// Reads the request and keeps silent.
[[nodiscard]] Script keeps_silent();
/// Closes at once, by FIN or by RST.
[[nodiscard]] Script closes();
[[nodiscard]] Script resets();

/// Listens on 127.0.0.1 and plays a script to every connection.
class ScriptedBackend {
public:
    ScriptedBackend(boost::asio::io_context& context, Script script);
    [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
    [[nodiscard]] unsigned connections() const noexcept { return connections_; }

private:
    awaitable<void> accept_all();

    tcp::acceptor acceptor_;
    Script script_;
    unsigned connections_ = 0;
};

/// A port of 127.0.0.1 that refuses connections, for as long as this lives.
class RefusingPort {
public:
    explicit RefusingPort(boost::asio::io_context& context);
    [[nodiscard]] std::uint16_t port() const { return socket_.local_endpoint().port(); }

private:
    tcp::socket socket_; ///< bound, never listening
};

/// A port of 127.0.0.1 whose backlog is full: further connections meet no answer at all, as from a dark host.
class DarkPort {
public:
    explicit DarkPort(boost::asio::io_context& context);
    [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

private:
    tcp::acceptor acceptor_;
    tcp::socket filler_;
};

class LoopTest : public testing::Test {
protected:
    /// Runs the loop until `reached` holds; false when that took longer than `limit`.
    bool run_until(std::function<bool()> const& reached, Duration limit = 5s);
    /// Runs one probe to its end. Its duration and the times of its steps are checked to be plausible and
    /// then cleared, for comparisons.
    Outcome outcome_of(ProbeTarget target);

    static ProbeTarget target(std::uint16_t port, CheckType type, Duration timeout = 2s);

    boost::asio::io_context context{1};
};

} // namespace test
} // namespace pointsman
