#include "tests/datapath/datapath.hpp"

#include <algorithm>
#include <atomic>
#include <bpf/bpf.h>
#include <charconv>
#include <filesystem>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <signal.h>
#include <stdexcept>
#include <unistd.h>

namespace pointsman::test {
namespace {

namespace fs = std::filesystem;

#ifndef BPF_F_TEST_SKB_CHECKSUM_COMPLETE
#define BPF_F_TEST_SKB_CHECKSUM_COMPLETE (1U << 2)
#endif

constexpr std::size_t largest_output = 4096;
fs::path const bpf_fs_root = "/sys/fs/bpf";
constexpr std::string_view pin_prefix = "pmtest-";

std::string next_pin_directory() {
    static std::atomic<int> number{0};
    return (bpf_fs_root / std::string{pin_prefix}).string() + std::to_string(::getpid()) + "-" +
           std::to_string(++number);
}

ProgramOptions both_programs(DatapathOptions const& options, std::string directory, bool generic) {
    return {options, std::move(directory), true, true, generic};
}

Fate fate_of(Hook hook, std::uint32_t action) {
    if (hook == Hook::xdp) {
        switch (action) {
        case XDP_PASS: return Fate::passed;
        case XDP_DROP: return Fate::dropped;
        case XDP_TX: return Fate::sent_back;
        case XDP_REDIRECT: return Fate::redirected;
        default: return Fate::unknown;
        }
    }
    switch (static_cast<int>(action)) {
    case TC_ACT_UNSPEC: return Fate::passed;
    case TC_ACT_SHOT: return Fate::dropped;
    case TC_ACT_REDIRECT: return Fate::redirected;
    default: return Fate::unknown;
    }
}

void add(pm_counters& sum, pm_counters const& counters) {
    sum.received += counters.received;
    for (std::size_t i = 0; i < PM_VERDICTS; ++i)
        sum.verdict[i] += counters.verdict[i];
    for (std::size_t i = 0; i < PM_EVENTS; ++i)
        sum.event[i] += counters.event[i];
    sum.events_lost += counters.events_lost;
    sum.evicted_closed += counters.evicted_closed;
    sum.evicted_embryonic += counters.evicted_embryonic;
    sum.evicted_idle += counters.evicted_idle;
}

/// The verdict that was counted between two readings, if it was one.
std::optional<std::uint32_t> verdict_between(pm_counters const& before, pm_counters const& after) {
    std::optional<std::uint32_t> verdict;
    if (after.received - before.received != 1) return std::nullopt;
    for (std::uint32_t i = 0; i < PM_VERDICTS; ++i) {
        auto const counted = after.verdict[i] - before.verdict[i];
        if (counted == 0) continue;
        if (counted != 1 || verdict) return std::nullopt;
        verdict = i;
    }
    return verdict;
}

/// Pins of a run that was killed.
void remove_pins_of_the_dead() {
    for (auto const& entry : fs::directory_iterator{bpf_fs_root}) {
        auto const name = entry.path().filename().string();
        if (!name.starts_with(pin_prefix)) continue;
        int pid = 0;
        std::from_chars(name.data() + pin_prefix.size(), name.data() + name.size(), pid);
        std::error_code ignored;
        if (pid > 0 && ::kill(pid, 0) != 0) fs::remove_all(entry.path(), ignored);
    }
}

/// The maps are ours: the tests may write what the daemon only reads.
template<typename Value>
void zero(std::span<Value> values) {
    std::memset(const_cast<std::remove_const_t<Value>*>(values.data()), 0, values.size_bytes());
}

template<typename Key>
void remove_all(int map_fd) {
    Key key;
    while (::bpf_map_get_next_key(map_fd, nullptr, &key) == 0)
        if (::bpf_map_delete_elem(map_fd, &key) != 0) return;
}

} // namespace

Datapath::Datapath(DatapathOptions const& options, bool generic)
    : pins_{next_pin_directory()}
    , programs_{both_programs(options, pins_.path(), generic)}
    , fragments_{open_pin(pins_.path() + "/pm_fragments", PinKind::map)}
    , port_hints_{open_pin(pins_.path() + "/pm_port_hints", PinKind::map).get(), PM_PORT_HINT_LINES}
    , switch_{programs_} {}

void Datapath::commit(Generation const& generation, bool swap_sessions) {
    if (auto const why = switch_.prepare(generation); !why.empty()) throw std::runtime_error{why};
    switch_.commit(generation.number, swap_sessions);
}

CarryOver Datapath::finish_swap() {
    Switch::wait_for_packets();
    auto const result = switch_.carry_over_sessions();
    switch_.end_carry_over();
    Switch::wait_for_packets();
    switch_.clear_idle_sessions();
    return result;
}

Output Datapath::send(Hook hook, Frame const& frame, Arrival const& arrival) {
    Output output;
    output.frame = frame;
    auto const before = total(programs_.counters());
    output.fate = run_program(programs_.fd(hook), hook, output.frame, arrival);
    output.verdict = verdict_between(before, total(programs_.counters()));
    return output;
}

void Datapath::reset() {
    if (switch_.active() & PM_ACTIVE_CARRY_OVER) switch_.end_carry_over();
    clear_sessions(programs_.sessions(0));
    clear_sessions(programs_.sessions(1));
    remove_all<pm_fragment_key>(fragments_.get());
    zero(port_hints_.all());
    zero(programs_.counters());
    zero(programs_.backend_counters());
}

Fate run_program(int program_fd, Hook hook, Frame& frame, Arrival const& arrival) {
    thread_local std::array<std::uint8_t, largest_output> out;
    xdp_md xdp{};
    __sk_buff skb{};
    xdp.data_end = static_cast<__u32>(frame.size());
    xdp.ingress_ifindex = Datapath::ingress_ifindex;
    skb.ifindex = Datapath::ingress_ifindex;
    skb.gso_size = arrival.gso_size;
    skb.gso_segs = arrival.gso_size == 0 ? 0 : 2;
    bpf_test_run_opts run{};
    run.sz = sizeof(run);
    run.data_in = frame.data();
    run.data_size_in = static_cast<__u32>(frame.size());
    run.data_out = out.data();
    run.data_size_out = static_cast<__u32>(out.size());
    run.ctx_in = hook == Hook::xdp ? static_cast<void const*>(&xdp) : &skb;
    run.ctx_size_in = hook == Hook::xdp ? sizeof(xdp) : sizeof(skb);
    run.repeat = 1;
    if (arrival.is_summed) run.flags = BPF_F_TEST_SKB_CHECKSUM_COMPLETE;
    if (::bpf_prog_test_run_opts(program_fd, &run) != 0) return Fate::unknown;
    frame.assign(out.begin(), out.begin() + run.data_size_out);
    return fate_of(hook, run.retval);
}

bool ends_here(std::uint32_t verdict) noexcept {
    return verdict >= PM_DROP_MALFORMED || verdict == PM_PASS_FRAGMENT_HELD;
}

pm_counters total(std::span<pm_counters const> counters) noexcept {
    pm_counters sum{};
    for (auto const& one : counters)
        add(sum, one);
    return sum;
}

std::vector<Session> sessions_in(SessionHalf half) {
    std::vector<Session> sessions;
    for (auto& set : half)
        for (std::size_t way = 0; way < PM_SESSION_WAYS; ++way)
            if (auto const session = read_session(set, way)) sessions.push_back(*session);
    return sessions;
}

DatapathOptions small_options() {
    DatapathOptions options;
    options.sessions = 4096;
    options.services = 16;
    options.backends = 64;
    options.hash_seed = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    return options;
}

Datapath& shared_datapath() {
    static Datapath datapath{small_options()};
    return datapath;
}

std::string why_not_here() {
    if (::geteuid() != 0) return "BPF programs need root";
    try {
        remove_pins_of_the_dead();
        PinDirectory const probe{next_pin_directory()};
    } catch (std::exception const& error) {
        return error.what();
    }
    return {};
}

} // namespace pointsman::test
