#include "controller/api/clock.hpp"
#include "controller/cli/commands.hpp"
#include "controller/cli/control_client.hpp"
#include "controller/cli/exit_code.hpp"
#include "controller/cli/status_text.hpp"
#include "controller/config/parse.hpp"
#include "controller/config/values.hpp"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <poll.h>
#include <sys/inotify.h>
#include <thread>
#include <unistd.h>

namespace json = boost::json;

namespace pointsman {
namespace {

constexpr std::chrono::milliseconds rotation_interval{200};

/// The trail's file: what the daemon says with --control, else what the configuration says. The trail can be
/// read without a daemon.
std::string audit_path(CommonOptions const& common) {
    if (common.control.empty())
        if (auto const config = load_config(common.config); config.state) return config.state->log.audit;
    auto const answer = ask_daemon(control_path(common), "GET", "/v1/status");
    return std::string{json::parse(answer.body).at("audit").as_string()};
}

/// What --since means, in the trail's own format, which sorts as text. nullopt when it means nothing.
std::optional<std::string> start_of(std::string const& since) {
    if (since.empty()) return since;
    if (auto const ago = parse_duration(since)) return rfc3339(std::chrono::system_clock::now() - *ago);
    constexpr std::string_view pattern = "dddd-dd-ddTdd:dd:dd";
    auto const fits = since.size() >= pattern.size() && since.ends_with('Z') &&
                      std::ranges::equal(pattern, std::string_view{since}.substr(0, pattern.size()),
                                         [](char want, char is) {
                                             return want == 'd' ? is >= '0' && is <= '9' : want == is;
                                         });
    return fits ? std::optional{since.substr(0, since.size() - 1)} : std::nullopt;
}

bool is_wanted(json::object const& record, EventOptions const& options) {
    auto const text = [&](char const* key) {
        auto const* value = record.if_contains(key);
        return value && value->is_string() ? std::string{value->get_string()} : std::string{};
    };
    if (!options.since.empty() && text("ts") < options.since) return false;
    return options.service.empty() || text("service") == options.service;
}

void print_record(std::string const& line, bool as_json, EventOptions const& options) {
    boost::system::error_code error;
    auto const record = json::parse(line, error);
    if (error || !record.is_object() || !is_wanted(record.get_object(), options)) return;
    auto const text = as_json ? line : record_text(record.get_object());
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fputc('\n', stdout);
}

/// Reads lines that are complete; an unfinished one waits in `rest`.
void print_new(std::ifstream& file, std::string& rest, bool as_json, EventOptions const& options) {
    file.clear();
    std::string chunk(65536, '\0');
    for (;;) {
        file.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
        auto const got = file.gcount();
        if (got <= 0) break;
        rest.append(chunk, 0, static_cast<std::size_t>(got));
        for (auto end = rest.find('\n'); end != std::string::npos; end = rest.find('\n')) {
            print_record(rest.substr(0, end), as_json, options);
            rest.erase(0, end + 1);
        }
        file.clear();
    }
    std::fflush(stdout);
}

/// Watches a file; an empty path is none, and never changes.
class Inotify {
public:
    explicit Inotify(std::string const& path) : fd_{path.empty() ? -1 : ::inotify_init1(IN_CLOEXEC)} {
        if (fd_ >= 0) ::inotify_add_watch(fd_, path.c_str(), IN_MODIFY | IN_MOVE_SELF | IN_DELETE_SELF);
    }
    Inotify(Inotify const&) = delete;
    ~Inotify() {
        if (fd_ >= 0) ::close(fd_);
    }

    /// @return true when the file changed, false when it was moved away or is not watched.
    [[nodiscard]] bool wait() const {
        pollfd waiting{fd_, POLLIN, 0};
        if (fd_ < 0 || ::poll(&waiting, 1, -1) < 0) return false;
        alignas(inotify_event) char buffer[4096];
        auto const length = ::read(fd_, buffer, sizeof(buffer));
        bool moved = false;
        for (ssize_t at = 0; at < length;) {
            auto const* event = reinterpret_cast<inotify_event const*>(buffer + at);
            moved |= (event->mask & (IN_MOVE_SELF | IN_DELETE_SELF | IN_IGNORED)) != 0;
            at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
        }
        return !moved;
    }

private:
    int fd_;
};

/// Prints what the file holds and, when it is followed, what comes, over rotations by rename.
int follow_file(std::string const& path, bool as_json, EventOptions const& options) {
    bool begun = false;
    do {
        std::ifstream file{path, std::ios::binary};
        if (!file && begun) { // moved away; the daemon makes a new one with its next record
            std::this_thread::sleep_for(rotation_interval);
            continue;
        }
        if (!file) {
            std::fprintf(stderr,
                         "pointsman: cannot read %s: %s; run as root or as its group, or name another "
                         "configuration by -c\n",
                         path.c_str(), std::strerror(errno));
            return exit_failed;
        }
        begun = true;
        Inotify const changes{options.follow ? path : ""};
        std::string rest;
        print_new(file, rest, as_json, options);
        while (changes.wait())
            print_new(file, rest, as_json, options);
        print_new(file, rest, as_json, options); // what was written before it was moved
    } while (options.follow && std::ferror(stdout) == 0);
    return exit_ok;
}

} // namespace

int events(CommonOptions const& common, EventOptions options) {
    auto const since = start_of(options.since);
    if (!since) {
        std::fprintf(
            stderr,
            "pointsman: --since takes a time such as 2026-11-20T05:00:00Z or a duration such as 10m\n");
        return exit_usage;
    }
    options.since = *since;
    auto const path = audit_path(common);
    return follow_file(path, common.json, options);
}

} // namespace pointsman
