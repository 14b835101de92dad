#pragma once

#include "controller/datapath/owned_fd.hpp"

#include <string>

namespace pointsman {

/// Our directory of pins in a BPF file system, locked against a second daemon. Removed with all that is
/// pinned in it when this object ends, unless it was told to stay.
class PinDirectory {
public:
    /// Makes it, mode 0700, and checks that it is ours: bpffs is world-writable.
    /// @throws DatapathError when it lies in no BPF file system, belongs to somebody else, or a daemon holds
    /// it.
    explicit PinDirectory(std::string path);
    PinDirectory(PinDirectory const&) = delete;
    PinDirectory& operator=(PinDirectory const&) = delete;
    ~PinDirectory();

    [[nodiscard]] std::string const& path() const noexcept { return path_; }
    void stay() noexcept { stays_ = true; }

private:
    std::string path_;
    OwnedFd lock_;
    bool stays_ = false;
};

} // namespace pointsman
