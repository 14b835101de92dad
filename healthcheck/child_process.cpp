#include "healthcheck/child_process.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace pointsman {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

class SpawnActions {
public:
    explicit SpawnActions(int output) {
        ::posix_spawn_file_actions_init(&actions_);
        ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        ::posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
        ::posix_spawn_file_actions_addopen(&actions_, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
        ::posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
    }
    SpawnActions(SpawnActions const&) = delete;
    SpawnActions& operator=(SpawnActions const&) = delete;
    ~SpawnActions() { ::posix_spawn_file_actions_destroy(&actions_); }

    [[nodiscard]] posix_spawn_file_actions_t const* get() const noexcept { return &actions_; }

private:
    posix_spawn_file_actions_t actions_{};
};

/// A group of its own; no signal ignored or blocked that the daemon ignores or blocks.
class SpawnAttributes {
public:
    SpawnAttributes() {
        sigset_t none;
        sigset_t all;
        ::sigemptyset(&none);
        ::sigfillset(&all);
        ::posix_spawnattr_init(&attributes_);
        ::posix_spawnattr_setflags(&attributes_,
                                   POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
        ::posix_spawnattr_setpgroup(&attributes_, 0);
        ::posix_spawnattr_setsigdefault(&attributes_, &all);
        ::posix_spawnattr_setsigmask(&attributes_, &none);
    }
    SpawnAttributes(SpawnAttributes const&) = delete;
    SpawnAttributes& operator=(SpawnAttributes const&) = delete;
    ~SpawnAttributes() { ::posix_spawnattr_destroy(&attributes_); }

    [[nodiscard]] posix_spawnattr_t const* get() const noexcept { return &attributes_; }

private:
    posix_spawnattr_t attributes_{};
};

/// For execve, which takes it without changing it.
std::vector<char*> pointers_to(std::vector<std::string> const& texts) {
    std::vector<char*> pointers;
    pointers.reserve(texts.size() + 1);
    for (auto const& text : texts)
        pointers.push_back(const_cast<char*>(text.c_str()));
    pointers.push_back(nullptr);
    return pointers;
}

error_code kernel_error(int error) noexcept {
    return {error, boost::system::system_category()};
}

} // namespace

ChildProcess::ChildProcess(asio::any_io_executor const& executor, std::vector<std::string> const& command,
                           std::vector<std::string> const& environment, error_code& error)
    : ended_{executor}
    , output_{std::make_shared<Output>(Output{asio::posix::stream_descriptor{executor}})} {
    int pipe[2] = {-1, -1};
    if (::pipe2(pipe, O_CLOEXEC) != 0) {
        error = kernel_error(errno);
        return;
    }
    output_->pipe.assign(pipe[0], error);
    auto variables = environment;
    variables.emplace_back("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    if (!error)
        error = kernel_error(::posix_spawn(&pid_, command.front().c_str(), SpawnActions{pipe[1]}.get(),
                                           SpawnAttributes{}.get(), pointers_to(command).data(),
                                           pointers_to(variables).data()));
    ::close(pipe[1]);
    if (error) {
        pid_ = -1;
        return;
    }
    int const pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
    if (pidfd < 0)
        error = kernel_error(errno);
    else
        ended_.assign(pidfd, error);
    if (!error) output_->pipe.non_blocking(true, error);
    if (error)
        end();
    else
        read_on(output_);
}

void ChildProcess::read_on(std::shared_ptr<Output> const& output) {
    output->pipe.async_wait(asio::posix::stream_descriptor::wait_read, [output](error_code error) {
        std::array<char, 4096> piece;
        auto const size = error ? 0 : ::read(output->pipe.native_handle(), piece.data(), piece.size());
        if (size <= 0 || output->size > output_limit) return; // ended, or too much: it may block
        output->size += static_cast<std::size_t>(size);
        auto const wanted = std::min(static_cast<std::size_t>(size), head_limit - output->head.size());
        output->head.append(piece.data(), wanted);
        read_on(output);
    });
}

asio::awaitable<error_code> ChildProcess::wait() {
    auto const [error] = co_await ended_.async_wait(asio::posix::stream_descriptor::wait_read,
                                                    asio::as_tuple(asio::use_awaitable));
    co_return error;
}

void ChildProcess::end() {
    if (pid_ > 0) {
        ::kill(-pid_, SIGKILL); // the group's id is not used again before its leader is reaped
        reap();
    }
    pid_ = -1;
    error_code ignored;
    std::array<char, head_limit> rest;
    auto const room = head_limit - output_->head.size();
    if (auto const size =
            output_->pipe.is_open() ? ::read(output_->pipe.native_handle(), rest.data(), room) : 0;
        size > 0)
        output_->head.append(rest.data(), static_cast<std::size_t>(size));
    output_->pipe.close(ignored);
    ended_.close(ignored);
}

/// A process that was killed may take its time to end, for ever in the worst case (a file system that hangs).
void ChildProcess::reap() {
    if (::waitpid(pid_, &status_, WNOHANG) != 0 || !ended_.is_open()) return;
    error_code ignored;
    ended_.cancel(ignored); // wait() has nothing more to say
    auto const later =
        std::make_shared<asio::posix::stream_descriptor>(std::move(ended_)); // owned by its completion
    later->async_wait(asio::posix::stream_descriptor::wait_read, [later, pid = pid_](error_code error) {
        if (!error) ::waitpid(pid, nullptr, WNOHANG);
    });
}

} // namespace pointsman
