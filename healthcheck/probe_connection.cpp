#include "healthcheck/probe_connection.hpp"

#include "healthcheck/probe_socket.hpp"
#include "healthcheck/probe_tls.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <cerrno>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace pointsman {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

/// POLLOUT and others at once where the connection stands or failed already, as it does on one host and
/// between its containers; 0 while it is on its way.
short readiness(int fd) noexcept {
    pollfd polled{.fd = fd, .events = POLLOUT, .revents = 0};
    return ::poll(&polled, 1, 0) > 0 ? polled.revents : short{0};
}

bool speaks_first(Check const& check) noexcept {
    return (check.type != CheckType::tcp && check.type != CheckType::agent) || !check.send.empty();
}

bool would_block(error_code error) noexcept {
    return error.value() == EAGAIN || error.value() == EWOULDBLOCK;
}

} // namespace

ProbeConnection::ProbeConnection(asio::any_io_executor const& executor, ProbeTarget const& target)
    : target_{target}
    , started_{std::chrono::steady_clock::now()}
    , pass_{executor, target}
    , socket_{executor}
    , deadline_{executor, started_ + target.check->policy.timeout, [this] { close(); }} {}

ProbeConnection::~ProbeConnection() {
    tls_.reset();
    close();
}

void ProbeConnection::close() noexcept {
    error_code ignored;
    if (socket_.is_open())
        socket_.close(ignored);
    else if (fd_ >= 0)
        ::close(fd_);
    fd_ = -1;
}

/// Throws when the coroutine was cancelled.
error_code ProbeConnection::judged(error_code error) const {
    if (deadline_.passed()) return deadline_passed();
    throw_if_cancelled(error);
    return error;
}

/// Has the loop watch the socket, once.
error_code ProbeConnection::watch() {
    error_code error;
    if (deadline_.passed()) return deadline_passed();
    if (!socket_.is_open()) socket_.assign(target_.address.is_v4() ? tcp::v4() : tcp::v6(), fd_, error);
    return error;
}

asio::awaitable<error_code> ProbeConnection::wait(tcp::socket::wait_type for_what) {
    if (auto const error = watch()) co_return error;
    auto const [error] = co_await socket_.async_wait(for_what, as_result);
    co_return judged(error);
}

asio::awaitable<error_code> ProbeConnection::connect() {
    error_code error;
    auto const use = speaks_first(*target_.check) ? SocketUse::stream_to_speak : SocketUse::stream;
    fd_ = connect_probe_socket(target_, use, pass_, error);
    if (fd_ < 0 || !error) co_return error;
    auto const ready = readiness(fd_);
    error = {};
    if (ready == 0) error = co_await wait(tcp::socket::wait_write);
    if (!error && ready != POLLOUT) error = pending_error(fd_);
    if (!error) steps_.connected = elapsed_since(started_);
    co_return error;
}

asio::awaitable<error_code> ProbeConnection::start_tls(std::string& flaw) {
    if (auto const error = watch()) co_return error;
    auto& contexts =
        asio::use_service<TlsContexts>(asio::query(socket_.get_executor(), asio::execution::context));
    auto const context = contexts.find(target_.check->tls, flaw);
    if (!context) co_return error_code{EACCES, boost::system::system_category()}; // our own lack
    tls_ = std::make_unique<Tls>(socket_, *context);
    expect_peer(tls_->native_handle(), target_);
    auto const [error] = co_await tls_->async_handshake(asio::ssl::stream_base::client, as_result);
    if (error && !deadline_.passed()) flaw = tls_flaw(tls_->native_handle(), error);
    co_return judged(error);
}

asio::awaitable<error_code> ProbeConnection::write(std::string_view octets) {
    asked_ = true;
    if (tls_) {
        auto const [error, size] = co_await asio::async_write(*tls_, asio::buffer(octets), as_result);
        if (!error) steps_.sent = elapsed_since(started_);
        co_return judged(error);
    }
    while (!octets.empty()) {
        if (deadline_.passed()) co_return deadline_passed();
        auto const sent = ::send(fd_, octets.data(), octets.size(), MSG_NOSIGNAL);
        if (sent >= 0) {
            octets.remove_prefix(static_cast<std::size_t>(sent));
            continue;
        }
        auto error = last_error();
        if (would_block(error)) error = co_await wait(tcp::socket::wait_write);
        if (error) co_return error;
    }
    steps_.sent = elapsed_since(started_);
    co_return error_code{};
}

void ProbeConnection::note_first(std::size_t octets) {
    if (octets > 0 && !steps_.first_byte) steps_.first_byte = elapsed_since(started_);
}

asio::awaitable<ProbeConnection::Piece> ProbeConnection::read(std::span<char> buffer) {
    Piece piece;
    if (tls_) {
        auto const [error, size] =
            co_await tls_->async_read_some(asio::buffer(buffer.data(), buffer.size()), as_result);
        bool const ended = error == asio::ssl::error::stream_truncated;
        note_first(size);
        piece = {judged(ended ? error_code{asio::error::eof} : error), {buffer.data(), size}};
        co_return piece;
    }
    for (;;) {
        if (std::exchange(asked_, false)) piece.error = co_await wait(tcp::socket::wait_read);
        if (deadline_.passed()) piece.error = deadline_passed();
        if (piece.error) co_return piece;
        auto const received = ::recv(fd_, buffer.data(), buffer.size(), 0);
        if (received > 0) piece.octets = {buffer.data(), static_cast<std::size_t>(received)};
        note_first(piece.octets.size());
        if (received == 0) piece.error = asio::error::eof;
        if (received < 0) piece.error = last_error();
        if (received >= 0 || !would_block(piece.error)) co_return piece;
        asked_ = true;
        piece.error = {};
    }
}

Outcome ProbeConnection::outcome(OutcomeCode code) const {
    Outcome result{code, elapsed_since(started_)};
    result.steps = steps_;
    return result;
}

Outcome ProbeConnection::failure(ProbeStep step, error_code error) const {
    auto result = outcome(OutcomeCode::OWN);
    switch (step) {
    case ProbeStep::connect: result.code = code_of_connect_error(error); break;
    case ProbeStep::tls: result.code = code_of_tls_error(error); break;
    case ProbeStep::answer: result.code = code_of_answer_error(error); break;
    }
    result.error = errno_of(error);
    return result;
}

} // namespace pointsman
