#include "controller/config/parse.hpp"

#include "controller/config/problems.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace pointsman {
namespace {

constexpr std::size_t largest_file = std::size_t{16} << 20;

class File {
public:
    /// Never waits, as for somebody who writes to a pipe.
    explicit File(std::string const& path) : fd_{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)} {}
    ~File() {
        if (fd_ >= 0) ::close(fd_);
    }
    File(File const&) = delete;
    File& operator=(File const&) = delete;

    [[nodiscard]] int fd() const noexcept { return fd_; }

private:
    int fd_;
};

std::string reason_of(int error) {
    return error == ENODATA ? "Not a regular file" : std::generic_category().message(error);
}

std::string remedy_for(int error) {
    switch (error) {
    case ENOENT: return "name a file with -c FILE, or create this one";
    case EACCES: return "run as a user who may read it, or change its permissions";
    case EISDIR: return "name the file in it with -c FILE";
    case ENXIO: // of a socket's file
    case ENODATA: return "name a file with -c FILE: of a pipe or device nobody could read the same again";
    case EFBIG: return "16 MiB is the limit";
    default: return {};
    }
}

/// 0 or errno: EISDIR of a directory, ENODATA of anything else that is no regular file.
int kind_error(int fd) noexcept {
    struct stat found {};
    if (::fstat(fd, &found) != 0) return errno;
    if (S_ISDIR(found.st_mode)) return EISDIR;
    return S_ISREG(found.st_mode) ? 0 : ENODATA;
}

/// 0 or errno. Reads one octet more than the limit at most.
int read_all(int fd, std::string& text) {
    std::string buffer(std::size_t{65536}, '\0');
    while (true) {
        auto const count = ::read(fd, buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return errno;
        if (count == 0) return 0;
        text.append(buffer, 0, static_cast<std::size_t>(count));
        if (text.size() > largest_file) return EFBIG;
    }
}

int read_file(std::string const& path, std::string& text) {
    File const file{path};
    if (file.fd() < 0) return errno;
    int const error = kind_error(file.fd());
    return error != 0 ? error : read_all(file.fd(), text);
}

} // namespace

ParsedConfig load_config(std::string const& path) {
    std::string text;
    int const error = read_file(path, text);
    if (error == 0) return parse_config(text, path);
    ParsedConfig failed;
    failed.places.file = path;
    Problems problems{path};
    problems.error({0, 0, 0}, "cannot be read: " + reason_of(error), remedy_for(error));
    failed.diagnostics = problems.sorted();
    return failed;
}

} // namespace pointsman
