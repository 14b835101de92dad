#pragma once

#include "controller/datapath/hooks.hpp"
#include "controller/datapath/interfaces.hpp"
#include "controller/datapath/owned_fd.hpp"

#include <filesystem>
#include <string>

namespace pointsman {

/// One program at one hook of an interface. Ends with this object, unless it was told to stay.
class PinnedHook {
public:
    /// Where a daemon before this one left a link or filter, only the program in it is replaced: every packet
    /// meets one of the two. (Not when XDP changes between native and generic.)
    /// @param directory where the link is pinned, so that it outlives the process.
    /// @param mode native or generic.
    /// @throws NoNativeXdp, or DatapathError when another program is there or a pin does not fit.
    [[nodiscard]] static PinnedHook xdp(int program, Interface const& interface, Attach mode,
                                        std::string const& directory);
    /// By tcx, or clsact where the kernel has no tcx. Throws as xdp() does.
    [[nodiscard]] static PinnedHook tc(int program, Interface const& interface, std::string const& directory);

    PinnedHook(PinnedHook&& other) noexcept;
    PinnedHook& operator=(PinnedHook&&) = delete;
    ~PinnedHook();

    [[nodiscard]] std::string const& pin() const noexcept { return pin_; }
    /// The program took the place of another daemon's.
    [[nodiscard]] bool is_taken_over() const noexcept { return taken_over_; }

    /// Whether the program stays attached when this object ends.
    void stay(bool stays) noexcept { stays_ = stays; }

private:
    explicit PinnedHook(Interface const& interface) : interface_{interface} {}
    void attach_xdp(int program, Attach mode, std::string const& path);
    [[nodiscard]] bool attach_tcx(int program, std::string const& path);
    void attach_clsact(int program, std::string const& path);

    Interface interface_;
    std::string pin_;
    OwnedFd link_;                     ///< none for a clsact filter
    std::uint32_t filter_program_ = 0; ///< id of the program in our clsact filter; 0: there is none
    bool taken_over_ = false;
    bool stays_ = false;
};

/// Whether a pin has the name of one of these.
[[nodiscard]] bool is_pinned_hook(std::filesystem::path const& pin);

/// Ends what a pin stands for: a link, or a clsact filter by its program.
void end_pinned_hook(std::filesystem::path const& pin);

} // namespace pointsman
