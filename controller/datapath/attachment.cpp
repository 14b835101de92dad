#include "controller/datapath/attachment.hpp"

#include "controller/datapath/bpf_fs.hpp"
#include "controller/datapath/error.hpp"
#include "controller/model/names.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <linux/if_link.h>
#include <unistd.h>

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
    throw DatapathError{interface.name + " already runs the XDP program " + name + " (id " + std::to_string(id) + ")",
                        ours ? "another daemon owns it: stop that, or run `pointsman detach`"
                             : "remove it (ip link set dev " + interface.name + " xdp off), or set datapath.attach = \"tc\""};
}

/// A driver without native XDP says so by one of these.
bool no_native_xdp(int error) { return error == EOPNOTSUPP || error == EINVAL || error == ENODEV; }

OwnedFd attach_xdp(int program, Interface const& interface, Attach attach) {
    std::uint32_t id = 0;
    if (bpf_xdp_query_id(static_cast<int>(interface.ifindex), 0, &id) == 0 && id != 0) refuse_foreign(interface, id);
    LIBBPF_OPTS(bpf_link_create_opts, options);
    options.flags = attach == Attach::native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
    OwnedFd link{bpf_link_create(program, static_cast<int>(interface.ifindex), BPF_XDP, &options)};
    if (link) return link;
    auto const error = errno;
    auto const cause = "cannot attach XDP (" + std::string{name_of(attach)} + ") to " + interface.name + ": " +
                       std::strerror(error);
    if (error == ERANGE)
        throw DatapathError{cause, "its MTU of " + std::to_string(interface.mtu) +
                                       " is too long for XDP: lower it, or set datapath.attach = \"tc\""};
    if (no_native_xdp(error)) throw DatapathError{cause, "set datapath.attach = \"tc\""};
    throw DatapathError{cause, "needs CAP_NET_ADMIN"};
}

/// Kernels before 6.6 have no tcx: a filter of the clsact queueing discipline does the same.
void attach_clsact(int program, Interface const& interface) {
    LIBBPF_OPTS(bpf_tc_hook, hook);
    hook.ifindex = static_cast<int>(interface.ifindex);
    hook.attach_point = BPF_TC_INGRESS;
    if (auto const error = bpf_tc_hook_create(&hook); error != 0 && error != -EEXIST)
        throw DatapathError{"cannot add clsact to " + interface.name + ": " + std::strerror(-error),
                            "needs CAP_NET_ADMIN and the module sch_ingress"};
    LIBBPF_OPTS(bpf_tc_opts, options);
    options.handle = filter_handle;
    options.priority = filter_priority;
    options.prog_fd = program;
    if (auto const error = bpf_tc_attach(&hook, &options); error != 0)
        throw DatapathError{"cannot attach tc to " + interface.name + ": " + std::strerror(-error),
                            error == -EEXIST ? "another daemon owns it: stop that, or run `pointsman detach`"
                                             : "needs CAP_NET_ADMIN and the module cls_bpf"};
}

/// Leaves the clsact queueing discipline itself, which others may use.
bool detach_clsact(std::uint32_t ifindex) {
    LIBBPF_OPTS(bpf_tc_hook, hook);
    hook.ifindex = static_cast<int>(ifindex);
    hook.attach_point = BPF_TC_INGRESS;
    LIBBPF_OPTS(bpf_tc_opts, options);
    options.handle = filter_handle;
    options.priority = filter_priority;
    if (bpf_tc_query(&hook, &options) != 0 || program_name(options.prog_id) != program_names[1]) return false;
    options.flags = options.prog_fd = 0;
    options.prog_id = 0;
    return bpf_tc_detach(&hook, &options) == 0;
}

} // namespace

AttachChoice choose_attach(Attach wanted, Interface const& interface) {
    if (wanted != Attach::automatic) return {wanted, "datapath.attach = \"" + std::string{name_of(wanted)} + "\""};
    if (interface.loopback) return {Attach::tc, "the loopback interface has no XDP"};
    if (!interface.kind.empty())
        return {Attach::tc, interface.kind + " carries packets without complete checksums, and longer than its MTU"};
    return {Attach::native, "a NIC of its own"};
}

Attachment::Attachment(Programs const& programs, Interface const& interface, AttachChoice choice,
                       std::string const& pin_directory)
    : interface_{interface}, choice_{std::move(choice)},
      pin_{pin_directory + "/link-" + std::to_string(interface.ifindex)} {
    auto const program = programs.fd(choice_.hook());
    if (choice_.hook() == Hook::xdp)
        link_ = attach_xdp(program, interface, choice_.attach);
    else
        link_ = OwnedFd{bpf_link_create(program, static_cast<int>(interface.ifindex), tcx_ingress, nullptr)};
    if (!link_) {
        attach_clsact(program, interface);
        clsact_ = true;
        return;
    }
    if (bpf_obj_pin(link_.get(), pin_.c_str()) != 0)
        throw DatapathError{"cannot pin " + pin_ + ": " + std::strerror(errno), "run `pointsman detach` first"};
}

Attachment::~Attachment() {
    if (stays_) return;
    if (clsact_) detach_clsact(interface_.ifindex);
    if (link_) {
        bpf_link_detach(link_.get());
        ::unlink(pin_.c_str());
    }
}

std::vector<std::string> remove_leftovers(PinDirectory const& pins) {
    std::vector<std::string> removed;
    std::error_code ignored;
    std::vector<std::filesystem::path> entries;
    for (auto const& entry : std::filesystem::directory_iterator{pins.path(), ignored}) entries.push_back(entry);
    for (auto const& entry : entries) {
        auto const name = entry.filename().string();
        if (name.starts_with("link-")) {
            OwnedFd const link{bpf_obj_get(entry.c_str())};
            if (link) bpf_link_detach(link.get());
        }
        if (std::filesystem::remove(entry, ignored)) removed.push_back(name);
    }
    for (auto const& interface : read_interfaces())
        if (detach_clsact(interface.ifindex)) removed.push_back("tc filter of " + interface.name);
    return removed;
}

} // namespace pointsman
