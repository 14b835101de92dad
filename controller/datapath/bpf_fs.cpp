#include "controller/datapath/bpf_fs.hpp"

#include "controller/datapath/error.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace pointsman {
namespace {

bool is_bpf_fs(std::string const& path) {
    struct statfs info {};
    return ::statfs(path.c_str(), &info) == 0 && info.f_type == BPF_FS_MAGIC;
}

/// An exclusive lock, held as long as the descriptor is open.
OwnedFd lock(std::string const& path) {
    OwnedFd directory{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (directory && ::flock(directory.get(), LOCK_EX | LOCK_NB) == 0) return directory;
    throw DatapathError{"another daemon uses " + path, "stop it, or set another daemon.bpffs"};
}

} // namespace

PinDirectory::PinDirectory(std::string path) : path_{std::move(path)} {
    auto const parent = std::filesystem::path{path_}.parent_path().string();
    if (!is_bpf_fs(parent))
        throw DatapathError{"daemon.bpffs: " + parent + " is not a BPF file system",
                            "mount one: mount -t bpf bpf /sys/fs/bpf"};
    if (::mkdir(path_.c_str(), 0700) != 0 && errno != EEXIST)
        throw DatapathError{"cannot create " + path_ + ": " + std::strerror(errno), "run as root"};
    struct stat info {};
    if (::lstat(path_.c_str(), &info) != 0 || !S_ISDIR(info.st_mode) || info.st_uid != ::geteuid() ||
        (info.st_mode & 0077) != 0)
        throw DatapathError{path_ + " exists and is not a directory of ours with mode 0700",
                            "remove it, or choose another daemon.bpffs"};
    lock_ = lock(path_);
}

PinDirectory::~PinDirectory() {
    std::error_code ignored;
    if (!stays_ && lock_) std::filesystem::remove_all(path_, ignored);
}

} // namespace pointsman
