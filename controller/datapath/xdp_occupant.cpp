#include "controller/datapath/xdp_occupant.hpp"

#include "controller/datapath/owned_fd.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

namespace pointsman {

std::string xdp_occupant(std::uint32_t ifindex) {
    __u32 id = 0;
    if (bpf_xdp_query_id(static_cast<int>(ifindex), 0, &id) != 0 || id == 0) return {};
    OwnedFd const program{bpf_prog_get_fd_by_id(id)};
    bpf_prog_info info{};
    __u32 length = sizeof(info);
    if (!program || bpf_obj_get_info_by_fd(program.get(), &info, &length) != 0)
        return "program " + std::to_string(id);
    return info.name;
}

} // namespace pointsman
