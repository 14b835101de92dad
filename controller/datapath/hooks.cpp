#include "controller/datapath/hooks.hpp"

#include "controller/datapath/bpf_fs.hpp"
#include "controller/datapath/occupants.hpp"
#include "controller/model/names.hpp"

#include <algorithm>
#include <array>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cerrno>
#include <cstring>
#include <linux/if_link.h>
#include <unistd.h>

namespace pointsman {
namespace {

constexpr auto tcx_ingress = static_cast<bpf_attach_type>(46); ///< BPF_TCX_INGRESS, Linux 6.6
constexpr std::uint32_t tcx_link_type = 11;                    ///< BPF_LINK_TYPE_TCX
constexpr std::uint32_t filter_handle = 1;
constexpr std::uint32_t filter_priority = 0x706d;
constexpr char const* stop_the_other = "another daemon owns it: stop that, or run its `pointsman detach`";

/// Programs of others can be named with CAP_SYS_ADMIN only.
std::string program_name(std::uint32_t id) {
    OwnedFd const program{bpf_prog_get_fd_by_id(id)};
    bpf_prog_info info{};
    __u32 length = sizeof(info);
    if (!program || bpf_obj_get_info_by_fd(program.get(), &info, &length) != 0) return "?";
    return info.name;
}

std::string described(std::uint32_t id) {
    return program_name(id) + " (id " + std::to_string(id) + ")";
}

[[noreturn]] void refuse_foreign_xdp(Interface const& interface, std::uint32_t id) {
    throw DatapathError{interface.name + " already runs the XDP program " + described(id),
                        program_name(id) == own_xdp_program
                            ? stop_the_other
                            : "remove it (ip link set dev " + interface.name +
                                  " xdp off), or set datapath.attach = \"tc\""};
}

/// A driver without native XDP says so by one of these.
bool no_native_xdp(int error) {
    return error == EOPNOTSUPP || error == EINVAL || error == ENODEV;
}

/// tcx exists since Linux 6.6; before, the kernel does not know the attach type.
bool has_no_tcx(int error) {
    return error == EINVAL || error == EOPNOTSUPP;
}

std::vector<std::uint32_t> tcx_programs(Interface const& interface) {
    std::array<__u32, 64> ids{};
    auto count = static_cast<__u32>(ids.size());
    if (bpf_prog_query(static_cast<int>(interface.ifindex), tcx_ingress, 0, nullptr, ids.data(), &count) != 0)
        return {};
    return {ids.begin(), ids.begin() + std::min<std::ptrdiff_t>(count, ids.size())};
}

std::vector<std::uint32_t> xdp_programs(Interface const& interface) {
    std::uint32_t id = 0;
    auto const failed = bpf_xdp_query_id(static_cast<int>(interface.ifindex), 0, &id) != 0;
    return failed || id == 0 ? std::vector<std::uint32_t>{} : std::vector{id};
}

/// @param present ids of the programs on the interface's hook: a link's program must be among them, for
/// interface indices repeat between network namespaces.
OwnedFd find_link(std::string const& path, std::uint32_t type, Interface const& interface,
                  std::vector<std::uint32_t> const& present) {
    OwnedFd link = open_pin(path, PinKind::link);
    if (!link) return link;
    bpf_link_info info{};
    __u32 length = sizeof(info);
    if (bpf_obj_get_info_by_fd(link.get(), &info, &length) != 0 || info.type != type)
        throw DatapathError{path + " is a link of another type (" + std::to_string(info.type) + ")",
                            detach_remedy()};
    if (info.xdp.ifindex == 0) { // at the same place for tcx
        ::unlink(path.c_str());
        return {};
    }
    if (info.xdp.ifindex == interface.ifindex && std::ranges::find(present, info.prog_id) != present.end())
        return link;
    throw DatapathError{path + " is not on " + interface.name +
                            " but on an interface of another network "
                            "namespace, or was replaced by another program",
                        "run `pointsman detach`, or set another daemon.bpffs"};
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

} // namespace

std::uint32_t program_id(int program) {
    bpf_prog_info info{};
    __u32 length = sizeof(info);
    return bpf_obj_get_info_by_fd(program, &info, &length) == 0 ? info.id : 0;
}

OwnedFd find_xdp_link(std::string const& path, Interface const& interface) {
    return find_link(path, BPF_LINK_TYPE_XDP, interface, xdp_programs(interface));
}

OwnedFd find_tcx_link(std::string const& path, Interface const& interface) {
    return find_link(path, tcx_link_type, interface, tcx_programs(interface));
}

OwnedFd make_xdp_link(int program, Interface const& interface, Attach attach) {
    if (auto const present = xdp_programs(interface); !present.empty())
        refuse_foreign_xdp(interface, present.front());
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

OwnedFd make_tcx_link(int program, Interface const& interface) {
    for (auto const id : tcx_programs(interface))
        if (auto const name = program_name(id); name == own_tc_program || name == own_program_behind)
            throw DatapathError{interface.name + " already runs the tc program " + described(id),
                                stop_the_other};
    OwnedFd link{bpf_link_create(program, static_cast<int>(interface.ifindex), tcx_ingress, nullptr)};
    if (!link && !has_no_tcx(errno))
        throw DatapathError{"cannot attach tc to " + interface.name + ": " + std::strerror(errno),
                            "needs CAP_NET_ADMIN"};
    return link;
}

bool has_xdp_mode(Interface const& interface, Attach attach) {
    LIBBPF_OPTS(bpf_xdp_query_opts, options);
    if (bpf_xdp_query(static_cast<int>(interface.ifindex), 0, &options) != 0) return false;
    return options.attach_mode == (attach == Attach::native ? XDP_ATTACHED_DRV : XDP_ATTACHED_SKB);
}

void replace_program(int link, int program, Interface const& interface) {
    if (bpf_link_update(link, program, nullptr) != 0)
        throw DatapathError{"cannot replace the program on " + interface.name + ": " + std::strerror(errno),
                            detach_remedy()};
}

std::uint32_t clsact_program(std::uint32_t ifindex) {
    auto hook = ingress_of(ifindex);
    auto options = our_filter();
    return bpf_tc_query(&hook, &options) == 0 ? options.prog_id : 0;
}

void set_clsact_program(int program, Interface const& interface) {
    auto hook = ingress_of(interface.ifindex);
    if (auto const error = bpf_tc_hook_create(&hook); error != 0 && error != -EEXIST)
        throw DatapathError{"cannot add clsact to " + interface.name + ": " + std::strerror(-error),
                            "needs CAP_NET_ADMIN and the module sch_ingress"};
    auto options = our_filter();
    options.prog_fd = program;
    options.flags = BPF_TC_F_REPLACE;
    if (auto const error = bpf_tc_attach(&hook, &options); error != 0)
        throw DatapathError{"cannot attach tc to " + interface.name + ": " + std::strerror(-error),
                            "needs CAP_NET_ADMIN and the module cls_bpf"};
}

void remove_clsact(std::uint32_t ifindex, std::uint32_t program) {
    if (program == 0 || clsact_program(ifindex) != program) return;
    auto hook = ingress_of(ifindex);
    auto options = our_filter();
    bpf_tc_detach(&hook, &options);
}

void pin(int fd, std::string const& path) {
    if (bpf_obj_pin(fd, path.c_str()) != 0)
        throw DatapathError{"cannot pin " + path + ": " + std::strerror(errno),
                            "run `pointsman detach` first"};
}

} // namespace pointsman
