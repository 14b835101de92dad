#include "controller/app/state_keeper.hpp"

#include "controller/datapath/owned_fd.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <unistd.h>

namespace asio = boost::asio;
namespace fs = std::filesystem;

namespace pointsman {
namespace {

constexpr std::chrono::seconds shortest_pause{1};

std::string failure(char const* what, std::string const& path) {
    return std::string{what} + " " + path + ": " + std::strerror(errno);
}

bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        auto const written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno != EINTR) return false;
        if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

} // namespace

std::string replace_file(std::string const& path, std::string const& text) {
    auto const made = path + ".new";
    {
        OwnedFd const file{::open(made.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600)};
        if (!file) return failure("cannot create", made);
        if (!write_all(file.get(), text) || ::fsync(file.get()) != 0) return failure("cannot write", made);
    }
    if (::rename(made.c_str(), path.c_str()) != 0) return failure("cannot replace", path);
    OwnedFd const directory{::open(fs::path{path}.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!directory || ::fsync(directory.get()) != 0) return failure("cannot sync the directory of", path);
    return {};
}

StateKeeper::StateKeeper(asio::io_context& context, asio::thread_pool& writer, std::string directory,
                         std::function<SavedState()> take, std::function<void(std::string const&)> failed)
    : context_{context}
    , writer_{writer}
    , path_{std::move(directory) + "/state.json"}
    , take_{std::move(take)}
    , failed_{std::move(failed)}
    , pause_{context}
    , settled_{context} {
    settled_.expires_at(std::chrono::steady_clock::time_point::max());
}

ReadState StateKeeper::read(std::string_view bpffs) const {
    std::error_code ignored;
    fs::create_directories(fs::path{path_}.parent_path(), ignored); // what fails shows when it is written
    errno = 0;
    std::ifstream file{path_};
    if (!file) return {std::nullopt, errno == ENOENT ? "" : std::strerror(errno)};
    std::ostringstream text;
    text << file.rdbuf();
    return decode(text.str(), bpffs);
}

void StateKeeper::changed(Haste haste) {
    dirty_ = true;
    if (haste == Haste::at_once && !std::exchange(urgent_, true))
        asio::post(context_, [this] { write(); }); // with all that changes in this turn
    if (haste == Haste::at_once || std::exchange(waiting_, true)) return;
    pause_.expires_after(shortest_pause);
    pause_.async_wait([this](boost::system::error_code error) {
        waiting_ = false;
        if (!error) write();
    });
}

asio::awaitable<void> StateKeeper::saved() {
    while (urgent_ || writing_)
        co_await settled_.async_wait(asio::as_tuple(asio::use_awaitable));
}

void StateKeeper::write() {
    if (!dirty_ || writing_) return;
    dirty_ = urgent_ = false;
    writing_ = true;
    asio::post(writer_, [this, path = path_, state = take_(), stay = asio::make_work_guard(context_)] {
        auto why = replace_file(path, encode(state));
        asio::post(stay.get_executor(), [this, why = std::move(why)] {
            writing_ = false;
            note(why);
            settled_.cancel();
            if (urgent_) write();
        });
    });
}

void StateKeeper::finish() {
    pause_.cancel();
    settled_.cancel();
    note(replace_file(path_, encode(take_())));
}

void StateKeeper::note(std::string const& why) {
    failures_ += !why.empty();
    if (!why.empty() && !failing_) failed_(why);
    failing_ = !why.empty();
}

} // namespace pointsman
