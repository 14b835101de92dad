#pragma once

#include "controller/datapath/error.hpp"
#include "controller/datapath/interfaces.hpp"
#include "controller/datapath/owned_fd.hpp"
#include "controller/model/desired_state.hpp"

#include <cstdint>
#include <string>

namespace pointsman {

/// The driver of an interface has no native XDP.
class NoNativeXdp : public DatapathError {
public:
    using DatapathError::DatapathError;
};

[[nodiscard]] std::uint32_t program_id(int program);

/// A pinned link of ours on an interface of this network namespace.
/// @return an empty descriptor when there is none, or the interface it was on is gone: its pin goes too.
/// @throws DatapathError when the pin is something else, or its interface is in another network namespace.
[[nodiscard]] OwnedFd find_xdp_link(std::string const& pin, Interface const& interface);
[[nodiscard]] OwnedFd find_tcx_link(std::string const& pin, Interface const& interface);

/// @throws NoNativeXdp, or DatapathError that names another program that is there.
[[nodiscard]] OwnedFd make_xdp_link(int program, Interface const& interface, Attach attach);

/// @return an empty descriptor where the kernel has no tcx (before Linux 6.6).
/// @throws DatapathError, also when another Pointsman's program is there.
[[nodiscard]] OwnedFd make_tcx_link(int program, Interface const& interface);

/// Is XDP on this interface in the mode that `attach` asks for?
[[nodiscard]] bool has_xdp_mode(Interface const& interface, Attach attach);

/// Puts another program in the place of the one a link runs; every packet meets one of the two.
/// @throws DatapathError
void replace_program(int link, int program, Interface const& interface);

/// Our filter at clsact, which takes tcx's place before Linux 6.6.
/// @return the id of its program; 0: there is none.
[[nodiscard]] std::uint32_t clsact_program(std::uint32_t ifindex);

/// Adds our filter, or puts another program into it: every packet meets one of the two.
/// @throws DatapathError
void set_clsact_program(int program, Interface const& interface);

/// Removes our filter if it runs this program. Leaves the clsact queueing discipline, which others may use.
void remove_clsact(std::uint32_t ifindex, std::uint32_t program);

/// Pins an open program or link.
/// @throws DatapathError
void pin(int fd, std::string const& path);

} // namespace pointsman
