#include "controller/cli/answers.hpp"
#include "controller/cli/commands.hpp"
#include "controller/cli/exit_code.hpp"
#include "controller/cli/terminal.hpp"
#include "controller/cli/top_view.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

namespace pointsman {
namespace {

constexpr int interval_ms = 1000;
constexpr char const* enter_screen = "\033[?1049h\033[?25l"; ///< the alternate screen, no cursor
constexpr char const* leave_screen = "\033[?25h\033[?1049l";

/// The terminal without echo and line buffering, on its alternate screen; as it was when this ends.
class RawTerminal {
public:
    RawTerminal() {
        ::tcgetattr(STDIN_FILENO, &before_);
        auto raw = before_;
        raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
        ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
        print(stdout, enter_screen);
    }
    RawTerminal(RawTerminal const&) = delete;
    RawTerminal& operator=(RawTerminal const&) = delete;
    ~RawTerminal() {
        print(stdout, leave_screen);
        ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
    }

private:
    termios before_{};
};

/// SIGINT and SIGTERM as something to wait for, so that the terminal is restored.
class Interrupts {
public:
    Interrupts() {
        sigset_t signals;
        ::sigemptyset(&signals);
        ::sigaddset(&signals, SIGINT);
        ::sigaddset(&signals, SIGTERM);
        ::sigprocmask(SIG_BLOCK, &signals, &before_);
        fd_ = ::signalfd(-1, &signals, SFD_CLOEXEC);
    }
    Interrupts(Interrupts const&) = delete;
    Interrupts& operator=(Interrupts const&) = delete;
    ~Interrupts() {
        if (fd_ >= 0) ::close(fd_);
        ::sigprocmask(SIG_SETMASK, &before_, nullptr);
    }

    [[nodiscard]] int fd() const noexcept { return fd_; }

    /// Takes the signal that came: it has done its work.
    void take() const {
        signalfd_siginfo taken{};
        [[maybe_unused]] auto const size = ::read(fd_, &taken, sizeof(taken));
    }

private:
    sigset_t before_{};
    int fd_ = -1;
};

/// Waits for the next look. False when it is time to go: q, end of input, or a signal.
bool wait_for_next(Interrupts const& interrupts) {
    pollfd waiting[2]{{STDIN_FILENO, POLLIN, 0}, {interrupts.fd(), POLLIN, 0}};
    if (::poll(waiting, 2, interval_ms) <= 0) return true;
    if (waiting[1].revents != 0) {
        interrupts.take();
        return false;
    }
    char key = 0;
    return ::read(STDIN_FILENO, &key, 1) == 1 && key != 'q' && key != 'Q';
}

winsize size_of_terminal() {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0)
        size = {.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
    return size;
}

Look look(CommonOptions const& common) {
    auto status = ask_object(common, "GET", "/v1/status");
    return {std::move(status), std::chrono::steady_clock::now()};
}

} // namespace

int top(CommonOptions const& common) {
    if (::isatty(STDIN_FILENO) != 1 || ::isatty(STDOUT_FILENO) != 1) {
        print(stderr,
              "pointsman: top needs a terminal; `status --json` and /metrics have the same numbers\n");
        return exit_usage;
    }
    auto before = look(common);
    Interrupts const interrupts;
    RawTerminal const terminal;
    auto now = before;
    do {
        auto const size = size_of_terminal();
        print(stdout, "\033[H\033[2J" + top_view(before, now, size.ws_row, size.ws_col));
        if (!wait_for_next(interrupts)) return exit_ok;
        auto next = look(common);
        before = std::move(now);
        now = std::move(next);
    } while (true);
}

} // namespace pointsman
