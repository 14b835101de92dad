#pragma once

#include "controller/datapath/owned_fd.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

namespace pointsman {

/// Where a program of the probes' way sees packets.
enum class Side : std::uint8_t { in, out };

/// A tc program on one side of an interface, beside the datapath's own. Ends with this object or, by tcx,
/// with the process; a clsact filter is pinned, so that the next daemon, or `detach`, finds what a killed one
/// left.
class ProbeHook {
public:
    /// @throws DatapathError
    ProbeHook(int program, std::uint32_t ifindex, Side side, std::string const& pin_directory);
    ProbeHook(ProbeHook&& other) noexcept;
    ProbeHook& operator=(ProbeHook&&) = delete;
    ~ProbeHook();

private:
    void attach_clsact(int program, std::string const& pin_directory);

    std::uint32_t ifindex_;
    Side side_;
    OwnedFd link_;              ///< none for a clsact filter
    std::uint32_t program_ = 0; ///< id of the program in our clsact filter; 0: there is none
    std::string pin_;
};

/// Whether a pin is that of such a filter.
[[nodiscard]] bool is_probe_filter(std::filesystem::path const& pin);

/// Removes the filter that a pin stands for, if it is still that.
void end_probe_filter(std::filesystem::path const& pin);

} // namespace pointsman
