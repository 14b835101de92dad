#pragma once

#include "controller/app/saved_state.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>

namespace pointsman {

/// The file in which a daemon leaves its successor what the kernel's tables do not tell:
/// DIRECTORY/state.json. Written as a whole beside the old one, synced and renamed over it, so there is the
/// old file or the new one. Changes that matter are written at once, others at most each second. The loop
/// only takes a copy of what is to be written: with thousands of backends the text takes tens of
/// milliseconds.
class StateKeeper {
public:
    /// @param writer where the text is made and the file is written.
    /// @param take what is to be written, on the loop's thread.
    /// @param failed tells of a file that could not be written: at the first time, and again after one that
    /// could.
    StateKeeper(boost::asio::io_context& context, boost::asio::thread_pool& writer, std::string directory,
                std::function<SavedState()> take, std::function<void(std::string const& why)> failed);

    /// Makes the directory if need be and reads the file.
    [[nodiscard]] ReadState read(std::string_view bpffs) const;

    enum class Haste { at_once, soon };
    void changed(Haste haste);

    /// Completes when all that changed at once until now is on disk, or could not be written.
    [[nodiscard]] boost::asio::awaitable<void> saved();

    /// The last time, on this thread; the writer must be idle.
    void finish();

    [[nodiscard]] std::string const& path() const noexcept { return path_; }
    [[nodiscard]] bool is_failing() const noexcept { return failing_; }
    [[nodiscard]] std::uint64_t failures() const noexcept { return failures_; }

private:
    void write();
    void note(std::string const& why);

    boost::asio::io_context& context_;
    boost::asio::thread_pool& writer_;
    std::string path_;
    std::function<SavedState()> take_;
    std::function<void(std::string const&)> failed_;
    boost::asio::steady_timer pause_;   ///< until the next write that is not urgent
    boost::asio::steady_timer settled_; ///< cancelled after each write
    std::uint64_t failures_ = 0;
    bool urgent_ = false;
    bool dirty_ = false;
    bool writing_ = false;
    bool waiting_ = false;
    bool failing_ = false;
};

/// Replaces a file as a whole: a new one, mode 0600, synced, renamed over it, and the directory synced.
/// @return empty, or what failed.
[[nodiscard]] std::string replace_file(std::string const& path, std::string const& text);

} // namespace pointsman
