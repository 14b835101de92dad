#include "controller/datapath/bpf_fs.hpp"

#include "controller/datapath/error.hpp"

#include <bpf/bpf.h>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <linux/magic.h>
#include <sstream>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace pointsman {
namespace {

bool is_bpf_fs(std::string const& path) {
    struct statfs info {};
    return ::statfs(path.c_str(), &info) == 0 && info.f_type == BPF_FS_MAGIC;
}

bool is_private(struct stat const& info) {
    return info.st_uid == ::geteuid() && (info.st_mode & 0077) == 0;
}

std::string mode_text(struct stat const& info) {
    std::ostringstream text;
    text << std::oct << (info.st_mode & 07777);
    return "uid " + std::to_string(info.st_uid) + ", mode 0" + text.str();
}

/// Its parent has to be on a BPF file system, and it has to be one of many that can be there.
void check_place_of(std::string const& path) {
    auto const parent = std::filesystem::path{path}.parent_path().string();
    if (is_bpf_fs(parent)) return;
    if (is_bpf_fs(path))
        throw DatapathError{"daemon.bpffs: " + path + " is the BPF file system itself, which others use too",
                            "name a directory in it, such as " + path + "/pointsman"};
    if (std::error_code ignored; !std::filesystem::exists(parent, ignored))
        throw DatapathError{"daemon.bpffs: there is no directory " + parent,
                            "create it on a BPF file system, or set another daemon.bpffs"};
    throw DatapathError{"daemon.bpffs: " + parent + " is not a BPF file system",
                        "mount one: mount -t bpf bpf /sys/fs/bpf"};
}

/// The directory itself and no link to one: what is checked is what is used.
OwnedFd open_directory(std::string const& path) {
    OwnedFd directory{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    struct stat info {};
    if (!directory && (errno == ENOTDIR || errno == ELOOP))
        throw DatapathError{path + " exists and is not a directory",
                            "remove it, or set another daemon.bpffs"};
    if (!directory || ::fstat(directory.get(), &info) != 0) {
        bool const is_private = errno == EACCES || errno == EPERM;
        throw DatapathError{"cannot open " + path + ": " + std::strerror(errno),
                            is_private ? "run as root" : "raise the limits of this process (LimitNOFILE=)"};
    }
    if (!is_private(info))
        throw DatapathError{path + " is not a directory of ours with mode 0700 (" + mode_text(info) + ")",
                            "remove it, or set another daemon.bpffs"};
    return directory;
}

/// "anon_inode:bpf-map" and the like, as the kernel names an open BPF object.
std::string kind_of(int fd) {
    std::error_code ignored;
    auto const target =
        std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), ignored).string();
    return target.substr(target.find(':') + 1);
}

/// bpf_link objects of some kinds have names of their own: "bpf_link", "[bpf_link]".
bool is_of_kind(std::string_view found, PinKind kind) {
    switch (kind) {
    case PinKind::map: return found.find("bpf-map") != found.npos;
    case PinKind::program: return found.find("bpf-prog") != found.npos;
    case PinKind::link: return found.find("link") != found.npos;
    }
    return false;
}

std::string_view name_of(PinKind kind) {
    return kind == PinKind::map ? "map" : kind == PinKind::program ? "program" : "link";
}

} // namespace

PinDirectory::PinDirectory(std::string path) : path_{std::move(path)} {
    check_place_of(path_);
    auto const is_new = ::mkdir(path_.c_str(), 0700) == 0;
    if (!is_new && errno != EEXIST)
        throw DatapathError{"cannot create " + path_ + ": " + std::strerror(errno), "run as root"};
    lock_ = open_directory(path_);
    removes_ = is_new;
    if (::flock(lock_.get(), LOCK_EX | LOCK_NB) == 0) return;
    throw DatapathError{"another daemon uses " + path_ + ": " + holder_of_lock(lock_.get()),
                        "stop it, or set another daemon.bpffs"};
}

PinDirectory::~PinDirectory() {
    std::error_code ignored;
    if (removes_ && lock_) std::filesystem::remove_all(path_, ignored);
}

OwnedFd open_pin(std::string const& path, PinKind kind) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0 && errno == ENOENT) return {};
    if (!S_ISREG(info.st_mode) || !is_private(info))
        throw DatapathError{path + " is not a pin of ours with mode 0600 (" + mode_text(info) + ")",
                            detach_remedy()};
    OwnedFd pinned{bpf_obj_get(path.c_str())};
    if (!pinned) throw DatapathError{"cannot open " + path + ": " + std::strerror(errno), detach_remedy()};
    if (!is_of_kind(kind_of(pinned.get()), kind))
        throw DatapathError{path + " is not a BPF " + std::string{name_of(kind)} + " but " +
                                kind_of(pinned.get()),
                            detach_remedy()};
    return pinned;
}

/// A line of /proc/locks: "1: FLOCK  ADVISORY  WRITE 1234 00:1d:42 0 EOF".
std::string holder_of_lock(int fd) {
    struct stat info {};
    ::fstat(fd, &info);
    std::ifstream locks{"/proc/locks"};
    for (std::string line; std::getline(locks, line);) {
        std::istringstream words{line};
        std::string number, type, advisory, mode;
        pid_t pid = 0;
        unsigned major = 0, minor = 0;
        ino_t inode = 0;
        char colon = 0;
        words >> number >> type >> advisory >> mode >> pid >> std::hex >> major >> colon >> minor >> colon >>
            std::dec >> inode;
        if (words && type == "FLOCK" && inode == info.st_ino && makedev(major, minor) == info.st_dev &&
            pid > 0)
            return describe_process(pid);
    }
    return "a process of another PID namespace";
}

std::string describe_process(pid_t pid) {
    std::string name;
    std::getline(std::ifstream{"/proc/" + std::to_string(pid) + "/comm"}, name);
    return (name.empty() ? "?" : name) + " (pid " + std::to_string(pid) + ")";
}

std::string detach_remedy() {
    return "run `pointsman detach` and start again; established connections end by that";
}

} // namespace pointsman
