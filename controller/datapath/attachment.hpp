#pragma once

#include "controller/datapath/bpf_fs.hpp"
#include "controller/datapath/interfaces.hpp"
#include "controller/datapath/pinned_hook.hpp"
#include "controller/datapath/programs.hpp"

#include <filesystem>
#include <optional>
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

/// Our programs on an interface: one, and with generic XDP the tc one behind it. End with this object, unless
/// they were told to stay.
class Attachment {
public:
    /// @param pin_directory as for PinnedHook, likewise what is taken over and thrown.
    Attachment(Programs const& programs, Interface const& interface, AttachChoice choice,
               std::string const& pin_directory);

    [[nodiscard]] Interface const& interface() const noexcept { return interface_; }
    [[nodiscard]] AttachChoice const& choice() const noexcept { return choice_; }
    [[nodiscard]] bool has_pin(std::filesystem::path const& pin) const;
    /// The program took the place of another daemon's.
    [[nodiscard]] bool is_taken_over() const noexcept { return front_.is_taken_over(); }

    /// Whether the programs stay attached when this object ends.
    void stay(bool stays) noexcept;

private:
    Interface interface_;
    AttachChoice choice_;
    std::optional<PinnedHook> behind_; ///< outlives the one in front, which leaves packets to it
    PinnedHook front_;
};

/// Ends every pinned link and filter but those of `kept`: interfaces that are no longer listed, hooks that
/// changed. @return what was removed, by name.
std::vector<std::string> end_other_attachments(PinDirectory const& pins, std::span<Attachment const> kept);

/// Removes all that a daemon that is gone left in the kernel: links, clsact filters, maps. Idempotent.
/// @return what was removed, by name.
[[nodiscard]] std::vector<std::string> remove_leftovers(PinDirectory const& pins);

} // namespace pointsman
