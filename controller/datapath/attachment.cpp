#include "controller/datapath/attachment.hpp"

#include "controller/datapath/error.hpp"
#include "controller/datapath/probe_hook.hpp"
#include "controller/model/names.hpp"

#include <algorithm>
#include <bpf/bpf.h>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <unistd.h>
#include <utility>

namespace pointsman {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view xdp_pin = "xdp-";
constexpr std::string_view tcx_pin = "tcx-";
constexpr std::string_view clsact_pin = "clsact-";
constexpr std::string_view next_pin = "-next"; ///< of a filter whose program is being replaced

std::string pin_path(std::string const& directory, std::string_view kind, Interface const& interface) {
    return directory + "/" + std::string{kind} + std::to_string(interface.ifindex);
}

std::uint32_t pinned_program(std::string const& path) {
    OwnedFd const program = open_pin(path, PinKind::program);
    return program ? program_id(program.get()) : 0;
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

Attachment::Attachment(Programs const& programs, Interface const& interface, AttachChoice choice,
                       std::string const& pin_directory)
    : interface_{interface}
    , choice_{std::move(choice)} {
    auto const program = programs.fd(choice_.hook());
    if (choice_.hook() == Hook::xdp)
        attach_xdp(program, pin_path(pin_directory, xdp_pin, interface));
    else if (!attach_tcx(program, pin_path(pin_directory, tcx_pin, interface)))
        attach_clsact(program, pin_path(pin_directory, clsact_pin, interface));
}

void Attachment::attach_xdp(int program, std::string const& path) {
    link_ = find_xdp_link(path, interface_);
    if (link_ && has_xdp_mode(interface_, choice_.attach)) {
        replace_program(link_.get(), program, interface_);
        taken_over_ = true;
    } else {
        if (link_) { // the kernel does not change the mode of a link
            bpf_link_detach(link_.get());
            ::unlink(path.c_str());
        }
        link_ = make_xdp_link(program, interface_, choice_.attach);
        pointsman::pin(link_.get(), path);
    }
    pin_ = path;
}

/// @return false where the kernel has no tcx.
bool Attachment::attach_tcx(int program, std::string const& path) {
    link_ = find_tcx_link(path, interface_);
    taken_over_ = static_cast<bool>(link_);
    if (link_)
        replace_program(link_.get(), program, interface_);
    else if (link_ = make_tcx_link(program, interface_); link_)
        pointsman::pin(link_.get(), path);
    else
        return false;
    pin_ = path;
    return true;
}

/// The pin of the filter's program tells that the filter is ours. While it is replaced, both programs are
/// pinned, so that a daemon that is killed meanwhile leaves a filter that is known.
void Attachment::attach_clsact(int program, std::string const& path) {
    auto const next = path + std::string{next_pin};
    auto const present = clsact_program(interface_.ifindex);
    taken_over_ = present != 0;
    if (present != 0 && present != pinned_program(path) && present != pinned_program(next))
        throw DatapathError{interface_.name + " already has a tc filter like ours, with program id " +
                                std::to_string(present),
                            "another daemon owns it: stop that, or run its `pointsman detach`"};
    if (present != 0 && present == pinned_program(next)) ::rename(next.c_str(), path.c_str());
    ::unlink(next.c_str());
    pointsman::pin(program, next);
    set_clsact_program(program, interface_);
    filter_program_ = program_id(program);
    pin_ = path;
    if (::rename(next.c_str(), path.c_str()) != 0)
        throw DatapathError{"cannot rename " + next + ": " + std::strerror(errno), detach_remedy()};
}

Attachment::Attachment(Attachment&& other) noexcept
    : interface_{std::move(other.interface_)}
    , choice_{std::move(other.choice_)}
    , pin_{std::move(other.pin_)}
    , link_{std::move(other.link_)}
    , filter_program_{std::exchange(other.filter_program_, 0)}
    , taken_over_{other.taken_over_}
    , stays_{other.stays_} {}

Attachment::~Attachment() {
    if (stays_) return;
    remove_clsact(interface_.ifindex, filter_program_);
    if (link_) bpf_link_detach(link_.get());
    if (link_ || filter_program_ != 0) ::unlink(pin_.c_str());
}

namespace {

/// Ends what a pin stands for: a link, or a clsact filter by its program.
void end_pinned(fs::path const& path) {
    auto const name = path.filename().string();
    if (is_probe_filter(path)) return end_probe_filter(path);
    OwnedFd const pinned{bpf_obj_get(path.c_str())};
    if (!pinned) return;
    if (!name.starts_with(clsact_pin)) {
        bpf_link_detach(pinned.get());
        return;
    }
    auto const ifindex = std::strtoul(name.c_str() + clsact_pin.size(), nullptr, 10);
    remove_clsact(static_cast<std::uint32_t>(ifindex), program_id(pinned.get()));
}

bool is_attachment(fs::path const& path) {
    auto const name = path.filename().string();
    return name.starts_with(xdp_pin) || name.starts_with(tcx_pin) || name.starts_with(clsact_pin);
}

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
        auto const is_kept = std::ranges::any_of(kept, [&](auto const& k) { return k.pin() == entry; });
        if (is_kept || !is_attachment(entry)) continue;
        end_pinned(entry);
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
