#pragma once

#include "controller/datapath/owned_fd.hpp"

#include <string>

namespace pointsman {

/// Tells other daemons of this network namespace, whatever their directories, that an interface is served: an
/// abstract Unix socket of the interface's name, which the kernel removes with the process.
class InterfaceClaim {
public:
    /// @throws DatapathError naming the daemon that serves the interface.
    explicit InterfaceClaim(std::string const& interface);

    /// Hangs up on those that asked who serves the interface, so that more can. Now and then.
    void hang_up() const noexcept;

private:
    OwnedFd socket_;
};

} // namespace pointsman
