#include "controller/datapath/occupants.hpp"

#include "controller/datapath/owned_fd.hpp"

#include <array>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

namespace pointsman {
namespace {

constexpr auto tcx_ingress = static_cast<bpf_attach_type>(46); ///< BPF_TCX_INGRESS, newer than these headers
constexpr std::size_t most_programs = 64;                      ///< the kernel's limit for one hook

std::string name_of_program(std::uint32_t id) {
    OwnedFd const program{bpf_prog_get_fd_by_id(id)};
    bpf_prog_info info{};
    __u32 length = sizeof(info);
    if (!program || bpf_obj_get_info_by_fd(program.get(), &info, &length) != 0)
        return "program " + std::to_string(id);
    return info.name;
}

} // namespace

std::string xdp_occupant(std::uint32_t ifindex) {
    __u32 id = 0;
    if (bpf_xdp_query_id(static_cast<int>(ifindex), 0, &id) != 0 || id == 0) return {};
    return name_of_program(id);
}

std::vector<std::string> tcx_occupants(std::uint32_t ifindex) {
    std::array<__u32, most_programs> ids{};
    __u32 flags = 0;
    __u32 count = ids.size();
    if (bpf_prog_query(static_cast<int>(ifindex), tcx_ingress, 0, &flags, ids.data(), &count) != 0) return {};
    std::vector<std::string> names;
    for (std::size_t i = 0; i < count && i < ids.size(); ++i)
        names.push_back(name_of_program(ids[i]));
    return names;
}

} // namespace pointsman
