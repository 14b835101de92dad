#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

namespace pointsman {

/// A program in a process group of its own, with its standard output on a pipe that is read all the time.
/// When this goes, the whole group is killed (SIGKILL); its process is reaped as soon as it has ended,
/// without waiting for it.
class ChildProcess {
public:
    /// Starts `command` with `environment` ("NAME=VALUE") besides PATH. Standard input and error are
    /// /dev/null; no other descriptor is handed on. On failure `error` says why and there is no process.
    ChildProcess(boost::asio::any_io_executor const& executor, std::vector<std::string> const& command,
                 std::vector<std::string> const& environment, boost::system::error_code& error);
    ChildProcess(ChildProcess const&) = delete;
    ChildProcess& operator=(ChildProcess const&) = delete;
    ~ChildProcess() { end(); }

    /// Completes when the program's process has ended. Fails with operation_aborted after end().
    [[nodiscard]] boost::asio::awaitable<boost::system::error_code> wait();

    /// Kills the group; idempotent.
    void end();

    /// As waitpid tells it; after end() and only if the process had ended before.
    [[nodiscard]] int status() const noexcept { return status_; }

    /// The beginning of what the program wrote.
    [[nodiscard]] std::string const& output() const noexcept { return output_->head; }

    static constexpr std::size_t head_limit = 256;                    ///< octets of the output that are kept
    static constexpr std::size_t output_limit = std::size_t{1} << 20; ///< and that are read at all

private:
    struct Output {
        boost::asio::posix::stream_descriptor pipe;
        std::string head{};
        std::size_t size = 0;
    };

    static void read_on(std::shared_ptr<Output> const& output);
    void reap();

    pid_t pid_ = -1;
    int status_ = 0;
    boost::asio::posix::stream_descriptor ended_; ///< pidfd
    std::shared_ptr<Output> output_;              ///< shared with the completion that reads on
};

} // namespace pointsman
