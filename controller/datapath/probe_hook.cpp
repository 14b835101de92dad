#include "controller/datapath/probe_hook.hpp"

#include "controller/datapath/bpf_fs.hpp"
#include "controller/datapath/error.hpp"
#include "controller/datapath/hooks.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace pointsman {
namespace {

constexpr auto tcx_ingress = static_cast<bpf_attach_type>(46); ///< BPF_TCX_INGRESS, Linux 6.6
constexpr auto tcx_egress = static_cast<bpf_attach_type>(47);  ///< BPF_TCX_EGRESS
constexpr std::uint32_t filter_handle = 1;
constexpr std::uint32_t filter_priority = 0x706e; ///< after the datapath's own
constexpr std::string_view pin_in = "clsact-probe-in-";
constexpr std::string_view pin_out = "clsact-probe-out-";

bpf_tc_hook hook_of(std::uint32_t ifindex, Side side) {
    LIBBPF_OPTS(bpf_tc_hook, hook);
    hook.ifindex = static_cast<int>(ifindex);
    hook.attach_point = side == Side::in ? BPF_TC_INGRESS : BPF_TC_EGRESS;
    return hook;
}

bpf_tc_opts our_filter() {
    LIBBPF_OPTS(bpf_tc_opts, options);
    options.handle = filter_handle;
    options.priority = filter_priority;
    return options;
}

void remove_filter(std::uint32_t ifindex, Side side, std::uint32_t program) {
    auto hook = hook_of(ifindex, side);
    auto found = our_filter();
    if (program == 0 || bpf_tc_query(&hook, &found) != 0 || found.prog_id != program) return;
    auto options = our_filter();
    bpf_tc_detach(&hook, &options);
}

[[noreturn]] void refuse(std::uint32_t ifindex, int error, char const* remedy) {
    throw DatapathError{"cannot attach the programs of the probes' way to interface " +
                            std::to_string(ifindex) + ": " + std::strerror(error),
                        remedy};
}

} // namespace

ProbeHook::ProbeHook(int program, std::uint32_t ifindex, Side side, std::string const& pin_directory)
    : ifindex_{ifindex}
    , side_{side}
    , link_{bpf_link_create(program, static_cast<int>(ifindex), side == Side::in ? tcx_ingress : tcx_egress,
                            nullptr)} {
    if (link_) return;
    if (errno != EINVAL && errno != EOPNOTSUPP) refuse(ifindex, errno, "needs CAP_NET_ADMIN");
    attach_clsact(program, pin_directory);
}

void ProbeHook::attach_clsact(int program, std::string const& pin_directory) {
    pin_ = pin_directory + "/" + std::string{side_ == Side::in ? pin_in : pin_out} + std::to_string(ifindex_);
    auto hook = hook_of(ifindex_, side_);
    if (auto const error = bpf_tc_hook_create(&hook); error != 0 && error != -EEXIST)
        refuse(ifindex_, -error, "needs CAP_NET_ADMIN and the module sch_ingress");
    end_probe_filter(pin_);
    ::unlink(pin_.c_str());
    pointsman::pin(program, pin_);
    auto options = our_filter();
    options.prog_fd = program;
    options.flags = BPF_TC_F_REPLACE;
    if (auto const error = bpf_tc_attach(&hook, &options); error != 0) {
        ::unlink(pin_.c_str());
        refuse(ifindex_, -error, "needs CAP_NET_ADMIN and the module cls_bpf");
    }
    program_ = program_id(program);
}

ProbeHook::ProbeHook(ProbeHook&& other) noexcept
    : ifindex_{other.ifindex_}
    , side_{other.side_}
    , link_{std::move(other.link_)}
    , program_{std::exchange(other.program_, 0)}
    , pin_{std::move(other.pin_)} {}

ProbeHook::~ProbeHook() {
    if (program_ == 0) return;
    remove_filter(ifindex_, side_, program_);
    ::unlink(pin_.c_str());
}

bool is_probe_filter(std::filesystem::path const& pin) {
    auto const name = pin.filename().string();
    return name.starts_with(pin_in) || name.starts_with(pin_out);
}

void end_probe_filter(std::filesystem::path const& pin) {
    auto const name = pin.filename().string();
    auto const side = name.starts_with(pin_in) ? Side::in : Side::out;
    OwnedFd const program = open_pin(pin.string(), PinKind::program);
    if (!program) return;
    auto const digits = name.c_str() + (side == Side::in ? pin_in : pin_out).size();
    remove_filter(static_cast<std::uint32_t>(std::strtoul(digits, nullptr, 10)), side,
                  program_id(program.get()));
}

} // namespace pointsman
