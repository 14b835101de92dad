#include "controller/datapath/reinjection.hpp"

#include <bpf/bpf.h>
#include <cerrno>

namespace pointsman {
namespace {

int load_pass() {
    constexpr bpf_insn program[] = {
        {BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, XDP_PASS},
        {BPF_JMP | BPF_EXIT, 0, 0, 0, 0},
    };
    return bpf_prog_load(BPF_PROG_TYPE_XDP, "pm_pass", "Dual BSD/GPL", program, std::size(program), nullptr);
}

boost::system::error_code last_error() {
    return {errno, boost::system::system_category()};
}

} // namespace

/// Live frames (since Linux 5.18) are what the verdict does to them: passed, sent, redirected or dropped.
boost::system::error_code Reinjection::receive(std::span<std::uint8_t const> frame, std::uint32_t ifindex,
                                               int native_xdp) {
    if (native_xdp < 0 && !pass_) pass_ = OwnedFd{load_pass()};
    if (native_xdp < 0 && !pass_) return last_error();
    xdp_md context{};
    context.data_end = static_cast<__u32>(frame.size());
    context.ingress_ifindex = ifindex;
    LIBBPF_OPTS(bpf_test_run_opts, run);
    run.data_in = frame.data();
    run.data_size_in = static_cast<__u32>(frame.size());
    run.ctx_in = &context;
    run.ctx_size_in = sizeof(context);
    run.repeat = 1;
    run.batch_size = 1;
    run.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
    if (bpf_prog_test_run_opts(native_xdp < 0 ? pass_.get() : native_xdp, &run) == 0) return {};
    return last_error();
}

} // namespace pointsman
