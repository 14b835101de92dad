#pragma once

#include "controller/datapath/owned_fd.hpp"

#include <boost/system/error_code.hpp>
#include <cstdint>
#include <span>

namespace pointsman {

/// Lets frames come by an interface as if received there, once more: what is behind the driver meets them,
/// that is generic XDP, tc and the stack. Nothing leaves by that interface, and its counters do not move.
class Reinjection {
public:
    /// A frame meets this program before; -1: none.
    /// @return what the kernel said. no_such_device: the interface is gone.
    [[nodiscard]] boost::system::error_code receive(std::span<std::uint8_t const> frame,
                                                    std::uint32_t ifindex, int native_xdp);

private:
    OwnedFd pass_; ///< a program that passes every frame, loaded at the first one
};

} // namespace pointsman
