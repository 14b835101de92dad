#include "controller/datapath/attachment.hpp"

#include "controller/datapath/probe_hook.hpp"
#include "controller/model/names.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

namespace pointsman {
namespace {

namespace fs = std::filesystem;

PinnedHook attach_front(Programs const& programs, Interface const& interface, AttachChoice const& choice,
                        std::string const& pin_directory) {
    auto const program = programs.fd(choice.hook());
    return choice.hook() == Hook::xdp ? PinnedHook::xdp(program, interface, choice.attach, pin_directory)
                                      : PinnedHook::tc(program, interface, pin_directory);
}

} // namespace

AttachChoice choose_attach(Attach wanted, Interface const& interface) {
    if (wanted != Attach::automatic)
        return {wanted, "configured", "datapath.attach = \"" + std::string{name_of(wanted)} + "\""};
    if (interface.loopback) return {Attach::tc, "loopback", "the loopback interface has no XDP"};
    if (!interface.kind.empty())
        return {Attach::tc, "virtual",
                interface.kind + " carries packets without complete checksums, and longer than its MTU"};
    return {Attach::native, "nic", "a NIC of its own", true};
}

AttachChoice fall_back(Interface const& interface) {
    return {Attach::tc, "no_native_xdp", "the driver of " + interface.name + " has no native XDP"};
}

/// XDP first: where tc did all before, its packets meet one of the two.
Attachment::Attachment(Programs const& programs, Interface const& interface, AttachChoice choice,
                       std::string const& pin_directory)
    : interface_{interface}
    , choice_{std::move(choice)}
    , front_{attach_front(programs, interface_, choice_, pin_directory)} {
    if (choice_.attach != Attach::generic) return;
    front_.stay(front_.is_taken_over()); // should the other one fail
    behind_.emplace(PinnedHook::tc(programs.fd(Hook::behind), interface_, pin_directory));
    front_.stay(false);
}

bool Attachment::has_pin(std::filesystem::path const& pin) const {
    return pin == front_.pin() || (behind_ && pin == behind_->pin());
}

void Attachment::stay(bool stays) noexcept {
    front_.stay(stays);
    if (behind_) behind_->stay(stays);
}

namespace {

std::vector<fs::path> entries_of(fs::path const& directory) {
    std::error_code ignored;
    std::vector<fs::path> entries;
    for (auto const& entry : fs::directory_iterator{directory, ignored})
        entries.push_back(entry);
    std::ranges::sort(entries);
    return entries;
}

} // namespace

std::vector<std::string> end_other_attachments(PinDirectory const& pins, std::span<Attachment const> kept) {
    std::vector<std::string> removed;
    std::error_code ignored;
    for (auto const& entry : entries_of(pins.path())) {
        auto const is_kept = std::ranges::any_of(kept, [&](auto const& k) { return k.has_pin(entry); });
        if (is_kept || !is_pinned_hook(entry)) continue;
        if (is_probe_filter(entry))
            end_probe_filter(entry);
        else
            end_pinned_hook(entry);
        if (fs::remove(entry, ignored)) removed.push_back(entry.filename());
    }
    return removed;
}

/// Programs go before the maps that they read.
std::vector<std::string> remove_leftovers(PinDirectory const& pins) {
    auto removed = end_other_attachments(pins, {});
    std::error_code ignored;
    for (auto const& entry : entries_of(pins.path()))
        if (fs::remove_all(entry, ignored) > 0) removed.push_back(entry.filename());
    return removed;
}

} // namespace pointsman
