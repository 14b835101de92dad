#include "healthcheck/light_probe.hpp"

#include "healthcheck/probe_socket.hpp"

#include <boost/asio/error.hpp>

#include <array>
#include <cerrno>
#include <string_view>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <utility>

namespace pointsman {

namespace asio = boost::asio;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;
using Progress = HttpAnswer::Progress;

namespace {

constexpr std::size_t piece_size = 2048;
constexpr std::size_t longest_request = 2048; ///< every new connection takes so much at once

std::size_t length_of(std::vector<HttpField> const& headers) noexcept {
    std::size_t length = 0;
    for (auto const& [name, value] : headers)
        length += name.size() + value.size() + 4;
    return length;
}

} // namespace

bool LightProbe::suits(ProbeTarget const& target) noexcept {
    auto const& check = *target.check;
    if (target.service || check.expect.is_set()) return false;
    if (check.type == CheckType::tcp) return check.send.empty();
    return check.type == CheckType::http &&
           check.path.size() + check.host.size() + length_of(check.headers) < longest_request;
}

LightProbe::LightProbe(LightProbes& all, ProbeTarget const& target, OnEnd on_end)
    : all_{all}
    , target_{target}
    , on_end_{std::move(on_end)}
    , started_{Clock::now()} {
    socket_ = all_.sockets_.connect(target, *this, refused_);
    all_.expect(*this);
}

LightProbe::~LightProbe() {
    if (socket_) all_.sockets_.give_back(*socket_, false);
}

Duration LightProbe::timeout() const noexcept {
    return socket_ ? target_.check->policy.timeout : Duration::zero();
}

void LightProbe::on_events(std::uint32_t events) {
    if (steps_.connected)
        on_answer();
    else
        on_connected(events);
}

void LightProbe::on_connected(std::uint32_t events) {
    bool const failed = (events & (EPOLLERR | EPOLLHUP)) != 0;
    if (auto const error = failed ? pending_error(socket_->fd) : error_code{}) return fail(error);
    if ((events & EPOLLOUT) == 0) return;
    steps_.connected = elapsed_since(started_);
    if (target_.check->type == CheckType::tcp) return end(OutcomeCode::L4OK);
    auto const request = request_text(target_);
    if (::send(socket_->fd, request.data(), request.size(), MSG_NOSIGNAL) < 0) return fail(last_error());
    steps_.sent = elapsed_since(started_);
    if ((events & EPOLLIN) != 0) on_answer();
}

void LightProbe::on_answer() {
    std::array<char, piece_size> buffer;
    auto progress = Progress::incomplete;
    while (progress == Progress::incomplete) {
        auto const received = ::recv(socket_->fd, buffer.data(), buffer.size(), 0);
        if (received < 0 && errno == EAGAIN) return;
        if (received < 0) return fail(last_error());
        if (received == 0) return fail(asio::error::eof);
        if (!steps_.first_byte) steps_.first_byte = elapsed_since(started_);
        progress = answer_.take({buffer.data(), static_cast<std::size_t>(received)});
    }
    Outcome outcome{OutcomeCode::L7OK, elapsed_since(started_)};
    outcome.steps = steps_;
    finish(judge_head(std::move(outcome), answer_, progress, *target_.check));
}

void LightProbe::on_deadline() {
    fail(socket_ ? deadline_passed() : refused_);
}

void LightProbe::fail(error_code error) {
    auto const code = steps_.connected ? code_of_answer_error(error) : code_of_connect_error(error);
    end(code, errno_of(error), steps_.sent ? why_incomplete(error, answer_) : std::string_view{});
}

void LightProbe::end(OutcomeCode code, int error, std::string_view text) {
    Outcome outcome{code, elapsed_since(started_), error};
    outcome.steps = steps_;
    outcome.status = answer_.status();
    outcome.text = text;
    if (steps_.sent) outcome.first_bytes = answer_.first_bytes();
    finish(std::move(outcome));
}

void LightProbe::finish(Outcome outcome) {
    unlink();
    if (socket_) all_.sockets_.give_back(*std::exchange(socket_, nullptr), outcome.passed());
    auto const call = std::exchange(on_end_, nullptr);
    call(std::move(outcome));
}

LightProbes::LightProbes(asio::any_io_executor const& executor)
    : sockets_{executor}
    , timer_{executor}
    , self_{std::make_shared<LightProbes*>(this)} {}

LightProbes::~LightProbes() {
    *self_ = nullptr;
}

void LightProbes::rest() {
    timer_.cancel();
    waiting_for_.reset();
    lines_.clear();
    sockets_.close_resting();
}

/// Probes of one timeout come with rising deadlines.
void LightProbes::expect(LightProbe& probe) {
    lines_[probe.timeout()].push_back(probe);
    wait_until(probe.deadline());
}

/// Most probes end long before their deadline: a timer that waits for one that is gone is left to run out.
void LightProbes::wait_until(TimePoint deadline) {
    if (waiting_for_ && *waiting_for_ <= deadline) return;
    waiting_for_ = deadline;
    timer_.expires_at(deadline);
    timer_.async_wait([self = self_](error_code error) {
        if (*self && error != asio::error::operation_aborted) (*self)->on_time();
    });
}

void LightProbes::wait() {
    for (auto const& [unused, line] : lines_)
        if (!line.empty()) wait_until(line.front().deadline());
}

void LightProbes::on_time() {
    auto const now = Clock::now();
    waiting_for_.reset();
    struct Again {
        LightProbes& all;
        ~Again() { all.wait(); }
    } const again{*this};
    for (auto& [unused, line] : lines_)
        while (!line.empty() && line.front().deadline() <= now)
            line.front().on_deadline();
}

} // namespace pointsman
