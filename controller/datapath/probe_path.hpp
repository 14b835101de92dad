#pragma once

#include "controller/datapath/probe_hook.hpp"
#include "controller/datapath/programs.hpp"
#include "controller/model/address.hpp"
#include "controller/model/ids.hpp"

#include <boost/system/error_code.hpp>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

struct pm_probe_object;

namespace pointsman {

/// One probe on the way of its service.
struct ProbePassage {
    std::uint64_t cookie = 0; ///< of its socket
    Address dialled;          ///< the backend's address, of the service's family
    Address service;
    BackendId backend = BackendId::none;
    std::uint16_t port = 0;     ///< host order, of the backend
    std::uint16_t own_port = 0; ///< host order
    std::uint8_t protocol = 0;  ///< IPPROTO_*
};

/// Has probes go the way of their services' packets (bpf/probe_path.h): the programs on the interfaces, and
/// which sockets they are about. Nothing of it outlives the process but clsact filters, which the next one
/// removes.
class ProbePath {
public:
    /// @throws DatapathError
    ProbePath(ProgramOptions const& options, std::string pin_directory);
    ProbePath(ProbePath const&) = delete;
    ProbePath& operator=(ProbePath const&) = delete;
    ~ProbePath();

    /// On these interfaces and no others. @throws DatapathError; then those before it have the programs.
    void follow(std::set<std::uint32_t> const& ifindexes);
    [[nodiscard]] bool is_on(std::uint32_t ifindex) const { return hooks_.contains(ifindex); }

    /// From now on, until leave(). Several system calls, a few microseconds.
    [[nodiscard]] boost::system::error_code enter(ProbePassage const& passage) noexcept;
    void leave(ProbePassage const& passage) noexcept;

private:
    struct Destroy {
        void operator()(pm_probe_object* object) const noexcept;
    };

    std::string pin_directory_;
    std::unique_ptr<pm_probe_object, Destroy> object_;
    std::map<std::uint32_t, std::array<ProbeHook, 2>> hooks_; ///< by interface index
};

} // namespace pointsman
