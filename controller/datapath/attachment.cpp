#include "controller/datapath/attachment.hpp"

#include "controller/datapath/bpf_fs.hpp"
#include "controller/datapath/error.hpp"
#include "controller/model/names.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <linux/if_link.h>
#include <unistd.h>
#include <utility>

namespace pointsman {
namespace {

constexpr auto tcx_ingress = static_cast<bpf_attach_type>(46); ///< BPF_TCX_INGRESS, Linux 6.6
constexpr std::uint32_t filter_handle = 1;
constexpr std::uint32_t filter_priority = 0x706d;
constexpr char const* program_names[] = {"pm_xdp", "pm_tc"};

std::string program_name(std::uint32_t id) {
    OwnedFd const program{bpf_prog_get_fd_by_id(id)};
    bpf_prog_info info{};
    __u32 length = sizeof(info);
    if (!program || bpf_obj_get_info_by_fd(program.get(), &info, &length) != 0) return "?";
    return info.name;
}

[[noreturn]] void refuse_foreign(Interface const& interface, std::uint32_t id) {
    auto const name = program_name(id);
    auto const ours = name == program_names[0];
    throw DatapathError{
        interface.name + " already runs the XDP program " + name + " (id " + std::to_string(id) + ")",
        ours ? "another daemon owns it: stop that, or run `pointsman detach`"
             : "remove it (ip link set dev " + interface.name + " xdp off), or set datapath.attach = \"tc\""};
}

/// A driver without native XDP says so by one of these.
bool no_native_xdp(int error) {
    return error == EOPNOTSUPP || error == EINVAL || error == ENODEV;
}

OwnedFd attach_xdp(int program, Interface const& interface, Attach attach) {
    std::uint32_t id = 0;
    if (bpf_xdp_query_id(static_cast<int>(interface.ifindex), 0, &id) == 0 && id != 0)
        refuse_foreign(interface, id);
    LIBBPF_OPTS(bpf_link_create_opts, options);
    options.flags = attach == Attach::native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
    OwnedFd link{bpf_link_create(program, static_cast<int>(interface.ifindex), BPF_XDP, &options)};
    if (link) return link;
    auto const error = errno;
    auto const cause = "cannot attach XDP (" + std::string{name_of(attach)} + ") to " + interface.name +
                       ": " + std::strerror(error);
    if (error == ERANGE)
        throw DatapathError{cause, "its MTU of " + std::to_string(interface.mtu) +
                                       " is too long for XDP: lower it, or set datapath.attach = \"tc\""};
    if (no_native_xdp(error)) throw NoNativeXdp{cause, "set datapath.attach = \"tc\""};
    throw DatapathError{cause, "needs CAP_NET_ADMIN"};
}

bpf_tc_hook ingress_of(std::uint32_t ifindex) {
    LIBBPF_OPTS(bpf_tc_hook, hook);
    hook.ifindex = static_cast<int>(ifindex);
    hook.attach_point = BPF_TC_INGRESS;
    return hook;
}

bpf_tc_opts our_filter() {
    LIBBPF_OPTS(bpf_tc_opts, options);
    options.handle = filter_handle;
    options.priority = filter_priority;
    return options;
}

/// Kernels before 6.6 have no tcx: a filter of the clsact queueing discipline does the same.
/// @return the id of the attached program.
std::uint32_t attach_clsact(int program, Interface const& interface) {
    auto hook = ingress_of(interface.ifindex);
    if (auto const error = bpf_tc_hook_create(&hook); error != 0 && error != -EEXIST)
        throw DatapathError{"cannot add clsact to " + interface.name + ": " + std::strerror(-error),
                            "needs CAP_NET_ADMIN and the module sch_ingress"};
    auto options = our_filter();
    options.prog_fd = program;
    if (auto const error = bpf_tc_attach(&hook, &options); error != 0)
        throw DatapathError{"cannot attach tc to " + interface.name + ": " + std::strerror(-error),
                            error == -EEXIST ? "another daemon owns it: stop that, or run `pointsman detach`"
                                             : "needs CAP_NET_ADMIN and the module cls_bpf"};
    return options.prog_id;
}

/// Removes our filter if it still runs this program. Leaves the clsact queueing discipline, which others may
/// use.
bool detach_clsact(std::uint32_t ifindex, std::uint32_t program) {
    auto hook = ingress_of(ifindex);
    auto options = our_filter();
    if (program == 0 || bpf_tc_query(&hook, &options) != 0 || options.prog_id != program) return false;
    options = our_filter();
    return bpf_tc_detach(&hook, &options) == 0;
}

std::uint32_t program_id(int program) {
    bpf_prog_info info{};
    __u32 length = sizeof(info);
    return bpf_obj_get_info_by_fd(program, &info, &length) == 0 ? info.id : 0;
}

/// tcx exists since Linux 6.6; before, the kernel does not know the attach type.
bool has_no_tcx(int error) {
    return error == EINVAL || error == EOPNOTSUPP;
}

void pin(int fd, std::string const& path) {
    if (bpf_obj_pin(fd, path.c_str()) != 0)
        throw DatapathError{"cannot pin " + path + ": " + std::strerror(errno),
                            "run `pointsman detach` first"};
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
    , choice_{std::move(choice)}
    , filter_program_{0} {
    auto const program = programs.fd(choice_.hook());
    auto const number = std::to_string(interface.ifindex);
    if (choice_.hook() == Hook::xdp)
        link_ = attach_xdp(program, interface, choice_.attach);
    else
        link_ = OwnedFd{bpf_link_create(program, static_cast<int>(interface.ifindex), tcx_ingress, nullptr)};
    if (!link_ && !has_no_tcx(errno))
        throw DatapathError{"cannot attach tc to " + interface.name + ": " + std::strerror(errno),
                            "needs CAP_NET_ADMIN"};
    pin_ = pin_directory + (link_ ? "/link-" : "/filter-") + number;
    if (link_) {
        pin(link_.get(), pin_);
        return;
    }
    pin(program, pin_); // tells remove_leftovers that the filter is ours
    filter_program_ = attach_clsact(program, interface);
}

Attachment::Attachment(Attachment&& other) noexcept
    : interface_{std::move(other.interface_)}
    , choice_{std::move(other.choice_)}
    , pin_{std::move(other.pin_)}
    , link_{std::move(other.link_)}
    , filter_program_{std::exchange(other.filter_program_, 0)}
    , stays_{other.stays_} {}

Attachment::~Attachment() {
    if (stays_) return;
    detach_clsact(interface_.ifindex, filter_program_);
    if (link_) bpf_link_detach(link_.get());
    if (link_ || filter_program_ != 0) ::unlink(pin_.c_str());
}

namespace {

/// Ends what a pin stands for: a link, or a clsact filter by its program.
void end_pinned(std::filesystem::path const& path) {
    auto const name = path.filename().string();
    OwnedFd const pinned{bpf_obj_get(path.c_str())};
    if (!pinned) return;
    if (name.starts_with("link-")) bpf_link_detach(pinned.get());
    if (name.starts_with("filter-"))
        detach_clsact(
            static_cast<std::uint32_t>(std::strtoul(name.c_str() + std::strlen("filter-"), nullptr, 10)),
            program_id(pinned.get()));
}

} // namespace

std::vector<std::string> remove_leftovers(PinDirectory const& pins) {
    std::vector<std::string> removed;
    std::error_code ignored;
    std::vector<std::filesystem::path> entries;
    for (auto const& entry : std::filesystem::directory_iterator{pins.path(), ignored})
        entries.push_back(entry);
    for (auto const& entry : entries) {
        end_pinned(entry);
        if (std::filesystem::remove(entry, ignored)) removed.push_back(entry.filename().string());
    }
    return removed;
}

} // namespace pointsman
