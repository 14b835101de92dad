#include "controller/datapath/pinned_hook.hpp"

#include "controller/datapath/bpf_fs.hpp"
#include "controller/datapath/error.hpp"

#include <bpf/bpf.h>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <unistd.h>
#include <utility>

namespace pointsman {
namespace {

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

PinnedHook PinnedHook::xdp(int program, Interface const& interface, Attach mode,
                           std::string const& directory) {
    PinnedHook made{interface};
    made.attach_xdp(program, mode, pin_path(directory, xdp_pin, interface));
    return made;
}

PinnedHook PinnedHook::tc(int program, Interface const& interface, std::string const& directory) {
    PinnedHook made{interface};
    if (!made.attach_tcx(program, pin_path(directory, tcx_pin, interface)))
        made.attach_clsact(program, pin_path(directory, clsact_pin, interface));
    return made;
}

void PinnedHook::attach_xdp(int program, Attach mode, std::string const& path) {
    link_ = find_xdp_link(path, interface_);
    if (link_ && has_xdp_mode(interface_, mode)) {
        replace_program(link_.get(), program, interface_);
        taken_over_ = true;
    } else {
        if (link_) { // the kernel does not change the mode of a link
            bpf_link_detach(link_.get());
            ::unlink(path.c_str());
        }
        link_ = make_xdp_link(program, interface_, mode);
        pointsman::pin(link_.get(), path);
    }
    pin_ = path;
}

/// @return false where the kernel has no tcx.
bool PinnedHook::attach_tcx(int program, std::string const& path) {
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
void PinnedHook::attach_clsact(int program, std::string const& path) {
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

PinnedHook::PinnedHook(PinnedHook&& other) noexcept
    : interface_{std::move(other.interface_)}
    , pin_{std::move(other.pin_)}
    , link_{std::move(other.link_)}
    , filter_program_{std::exchange(other.filter_program_, 0)}
    , taken_over_{other.taken_over_}
    , stays_{other.stays_} {}

PinnedHook::~PinnedHook() {
    if (stays_) return;
    remove_clsact(interface_.ifindex, filter_program_);
    if (link_) bpf_link_detach(link_.get());
    if (link_ || filter_program_ != 0) ::unlink(pin_.c_str());
}

bool is_pinned_hook(std::filesystem::path const& pin) {
    auto const name = pin.filename().string();
    return name.starts_with(xdp_pin) || name.starts_with(tcx_pin) || name.starts_with(clsact_pin);
}

void end_pinned_hook(std::filesystem::path const& pin) {
    auto const name = pin.filename().string();
    OwnedFd const pinned{bpf_obj_get(pin.c_str())};
    if (!pinned) return;
    if (!name.starts_with(clsact_pin)) {
        bpf_link_detach(pinned.get());
        return;
    }
    auto const ifindex = std::strtoul(name.c_str() + clsact_pin.size(), nullptr, 10);
    remove_clsact(static_cast<std::uint32_t>(ifindex), program_id(pinned.get()));
}

} // namespace pointsman
