#include "tests/loop/loop_test.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <exception>
#include <optional>
#include <utility>

namespace pointsman {

namespace asio = boost::asio;

void PrintTo(Outcome const& outcome, std::ostream* out) {
    *out << name_of(outcome.code) << " after " << outcome.duration.count() << " us, errno " << outcome.error
         << ", status " << outcome.status << ", first bytes " << testing::PrintToString(outcome.first_bytes);
}

namespace test {

namespace {

awaitable<void> read_request(tcp::socket& socket) {
    std::string request;
    co_await asio::async_read_until(socket, asio::dynamic_buffer(request), "\r\n\r\n", asio::use_awaitable);
}

awaitable<void> play_answer(tcp::socket socket, std::string answer) {
    co_await read_request(socket);
    co_await asio::async_write(socket, asio::buffer(answer), asio::use_awaitable);
}

awaitable<void> play_dribble(tcp::socket socket, std::string answer, Duration pause) {
    co_await read_request(socket);
    asio::steady_timer timer{co_await asio::this_coro::executor};
    for (char const& octet : answer) {
        timer.expires_after(pause);
        co_await timer.async_wait(asio::use_awaitable);
        co_await asio::async_write(socket, asio::buffer(&octet, 1), asio::use_awaitable);
    }
}

awaitable<void> play_flood(tcp::socket socket, std::string head, std::string again) {
    co_await read_request(socket);
    co_await asio::async_write(socket, asio::buffer(head), asio::use_awaitable);
    for (;;)
        co_await asio::async_write(socket, asio::buffer(again), asio::use_awaitable);
}

awaitable<void> play_silence(tcp::socket socket) {
    co_await read_request(socket);
    co_await socket.async_wait(tcp::socket::wait_read, asio::use_awaitable); // until the probe closes
}

awaitable<void> play_close(tcp::socket socket, bool reset) {
    if (reset) socket.set_option(tcp::socket::linger{true, 0});
    socket.close();
    co_return;
}

/// A script ends normally when the probe closes under it.
void on_script_end(std::exception_ptr const& failure) {
    try {
        if (failure) std::rethrow_exception(failure);
    } catch (boost::system::system_error const&) {
        return;
    }
}

} // namespace

Script answers(std::string answer) {
    return
        [answer = std::move(answer)](tcp::socket socket) { return play_answer(std::move(socket), answer); };
}

Script dribbles(std::string answer, Duration pause) {
    return [answer = std::move(answer), pause](tcp::socket socket) {
        return play_dribble(std::move(socket), answer, pause);
    };
}

Script floods(std::string head, std::string again) {
    return [head = std::move(head), again = std::move(again)](tcp::socket socket) {
        return play_flood(std::move(socket), head, again);
    };
}

Script keeps_silent() {
    return [](tcp::socket socket) { return play_silence(std::move(socket)); };
}

Script closes() {
    return [](tcp::socket socket) { return play_close(std::move(socket), false); };
}

Script resets() {
    return [](tcp::socket socket) { return play_close(std::move(socket), true); };
}

ScriptedBackend::ScriptedBackend(asio::io_context& context, Script script)
    : acceptor_{context, {asio::ip::address_v4::loopback(), 0}}
    , script_{std::move(script)} {
    asio::co_spawn(context, accept_all(), asio::detached);
}

awaitable<void> ScriptedBackend::accept_all() {
    for (;;) {
        auto socket = co_await acceptor_.async_accept(asio::use_awaitable);
        ++connections_;
        asio::co_spawn(acceptor_.get_executor(), script_(std::move(socket)), on_script_end);
    }
}

RefusingPort::RefusingPort(asio::io_context& context)
    : socket_{context, {asio::ip::address_v4::loopback(), 0}} {}

DarkPort::DarkPort(asio::io_context& context) : acceptor_{context}, filler_{context} {
    acceptor_.open(tcp::v4());
    acceptor_.bind({asio::ip::address_v4::loopback(), 0});
    acceptor_.listen(0); // room for one connection, never accepted
    filler_.connect(acceptor_.local_endpoint());
}

bool LoopTest::run_until(std::function<bool()> const& reached, Duration limit) {
    auto const deadline = Clock::now() + limit;
    context.restart();
    while (!reached() && Clock::now() < deadline)
        if (context.run_one_until(deadline) == 0) break;
    return reached();
}

namespace {

bool is_connection(CheckType type) {
    return type == CheckType::tcp || type == CheckType::http || type == CheckType::https ||
           type == CheckType::agent;
}

/// Each step after the one before it, and none after the end. A backend may speak first.
void expect_in_order(Outcome const& outcome, CheckType type) {
    auto const& [connected, sent, first_byte] = outcome.steps;
    std::vector<std::chrono::microseconds> times;
    for (auto const& step : {connected, sent, first_byte})
        times.push_back(step.value_or(times.empty() ? outcome.duration : times.back()));
    times.push_back(outcome.duration);
    if (!is_connection(type)) return;
    EXPECT_TRUE(connected || (!sent && !first_byte));
    EXPECT_TRUE(first_byte || (outcome.status == 0 && outcome.first_bytes.empty()));
    if (outcome.code != OutcomeCode::OWN) {
        EXPECT_EQ(connected.has_value(),
                  outcome.code != OutcomeCode::L4CON && outcome.code != OutcomeCode::L4TOUT);
    }
    EXPECT_TRUE(std::ranges::is_sorted(times));
}

} // namespace

Outcome LoopTest::outcome_of(ProbeTarget target) {
    std::optional<Outcome> outcome;
    auto const started = Clock::now();
    auto const type = target.check->type;
    asio::co_spawn(context, probe(std::move(target)),
                   [&outcome](std::exception_ptr const& failure, Outcome result) {
                       if (failure) std::rethrow_exception(failure);
                       outcome = std::move(result);
                   });
    EXPECT_TRUE(run_until([&] { return outcome.has_value(); }));
    if (!outcome) return {};
    EXPECT_LE(outcome->duration, Clock::now() - started);
    expect_in_order(*outcome, type);
    outcome->duration = {};
    outcome->steps = {};
    return *outcome;
}

ProbeTarget LoopTest::target(std::uint16_t port, CheckType type, Duration timeout) {
    ProbeTarget target{Address::v4(0x7f000001), port, {}};
    target.check.own().type = type;
    target.check.own().policy.timeout = timeout;
    return target;
}

} // namespace test
} // namespace pointsman
