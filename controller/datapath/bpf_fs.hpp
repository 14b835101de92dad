#pragma once

#include "controller/datapath/owned_fd.hpp"

#include <string>
#include <string_view>
#include <sys/types.h>

namespace pointsman {

/// Our directory of pins in a BPF file system, locked against a second daemon. Removed with all that is
/// pinned in it when this object ends if it was new, or if the object was told so: what another daemon left
/// must go on whatever becomes of this one.
class PinDirectory {
public:
    /// Makes it, mode 0700, and checks that it is ours: bpffs is world-writable.
    /// @throws DatapathError when it lies in no BPF file system, belongs to somebody else, or a daemon holds
    /// it; that daemon is named by its pid.
    explicit PinDirectory(std::string path);
    PinDirectory(PinDirectory const&) = delete;
    PinDirectory& operator=(PinDirectory const&) = delete;
    ~PinDirectory();

    [[nodiscard]] std::string const& path() const noexcept { return path_; }
    void remove_at_end(bool removes) noexcept { removes_ = removes; }

private:
    std::string path_;
    OwnedFd lock_;
    bool removes_ = false;
};

enum class PinKind { map, program, link };

/// Opens what is pinned at `path`.
/// @return an empty descriptor when nothing is there.
/// @throws DatapathError when it is not ours (owner, mode) or of another kind.
[[nodiscard]] OwnedFd open_pin(std::string const& path, PinKind kind);

/// Who holds a flock(2) on an open directory, by the kernel's list of locks.
/// @return "name (pid N)", or "a process of another PID namespace".
[[nodiscard]] std::string holder_of_lock(int fd);

/// "name (pid N)" of a process, for messages.
[[nodiscard]] std::string describe_process(pid_t pid);

/// What to do about a pin that does not fit.
[[nodiscard]] std::string detach_remedy();

} // namespace pointsman
