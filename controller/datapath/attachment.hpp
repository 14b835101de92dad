#pragma once

#include "controller/datapath/bpf_fs.hpp"
#include "controller/datapath/hooks.hpp"
#include "controller/datapath/interfaces.hpp"
#include "controller/datapath/owned_fd.hpp"
#include "controller/datapath/programs.hpp"

#include <span>
#include <string>
#include <vector>

namespace pointsman {

/// How one interface is attached.
struct AttachChoice {
    Attach attach = Attach::tc; ///< native, generic or tc
    std::string because;        ///< one word: configured, loopback, virtual, nic, no_native_xdp
    std::string why;            ///< the same in a sentence
    bool may_fall_back = false; ///< to tc, when the driver has no native XDP

    [[nodiscard]] Hook hook() const noexcept { return attach == Attach::tc ? Hook::tc : Hook::xdp; }
    friend bool operator==(AttachChoice const&, AttachChoice const&) = default;
};

/// Pure. `auto` takes native XDP for NICs and tc for virtual interfaces, where packets carry no complete
/// checksum and may be longer than the MTU.
[[nodiscard]] AttachChoice choose_attach(Attach wanted, Interface const& interface);

/// What `auto` takes when the driver of a NIC has no native XDP.
[[nodiscard]] AttachChoice fall_back(Interface const& interface);

/// A program on an interface. Ends with this object, unless it was told to stay.
class Attachment {
public:
    /// Where a daemon before this one left a link or filter, only the program in it is replaced: every packet
    /// meets one of the two. (Not when XDP changes between native and generic.)
    /// @param pin_directory where the link is pinned, so that it outlives the process.
    /// @throws NoNativeXdp, or DatapathError when another program is there or a pin does not fit.
    Attachment(Programs const& programs, Interface const& interface, AttachChoice choice,
               std::string const& pin_directory);
    Attachment(Attachment&& other) noexcept;
    Attachment& operator=(Attachment&&) = delete;
    ~Attachment();

    [[nodiscard]] Interface const& interface() const noexcept { return interface_; }
    [[nodiscard]] AttachChoice const& choice() const noexcept { return choice_; }
    [[nodiscard]] std::string const& pin() const noexcept { return pin_; }
    /// The program took the place of another daemon's.
    [[nodiscard]] bool is_taken_over() const noexcept { return taken_over_; }

    /// Whether the program stays attached when this object ends.
    void stay(bool stays) noexcept { stays_ = stays; }

private:
    void attach_xdp(int program, std::string const& pin);
    [[nodiscard]] bool attach_tcx(int program, std::string const& pin);
    void attach_clsact(int program, std::string const& pin);

    Interface interface_;
    AttachChoice choice_;
    std::string pin_;
    OwnedFd link_;                     ///< none for a clsact filter
    std::uint32_t filter_program_ = 0; ///< id of the program in our clsact filter; 0: there is none
    bool taken_over_ = false;
    bool stays_ = false;
};

/// Ends every pinned link and filter but those of `kept`: interfaces that are no longer listed, hooks that
/// changed. @return what was removed, by name.
std::vector<std::string> end_other_attachments(PinDirectory const& pins, std::span<Attachment const> kept);

/// Removes all that a daemon that is gone left in the kernel: links, clsact filters, maps. Idempotent.
/// @return what was removed, by name.
[[nodiscard]] std::vector<std::string> remove_leftovers(PinDirectory const& pins);

} // namespace pointsman
