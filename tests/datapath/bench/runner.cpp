#include "tests/datapath/bench/runner.hpp"

#include "runner.skel.h"

#include <algorithm>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cerrno>
#include <cstring>
#include <linux/bpf.h>
#include <stdexcept>
#include <string>

namespace pointsman::bench {
namespace {

/// A signal, such as that of a stopped process that goes on, ends a run early: then it begins again.
void test_run(int program_fd, bpf_test_run_opts& run) {
    auto const size_out = run.data_size_out;
    int error = 0;
    do {
        run.data_size_out = size_out;
        error = ::bpf_prog_test_run_opts(program_fd, &run);
    } while (error == -EINTR);
    if (error != 0) throw std::runtime_error{std::string{"a test run failed: "} + std::strerror(-error)};
}

} // namespace

void Runner::Destroy::operator()(runner_object* object) const noexcept {
    runner_object__destroy(object);
}

Runner::Runner(std::uint32_t most_frames) : object_{runner_object__open()} {
    if (!object_)
        throw DatapathError{"the runner does not open", "install the libbpf that it was built with"};
    bpf_map__set_max_entries(object_->maps.runner_frames, most_frames);
    bpf_map__set_max_entries(object_->maps.runner_lookup, 2 * most_frames);
    if (runner_object__load(object_.get()) != 0)
        throw DatapathError{"the kernel refused the runner", "run as root"};
    frames_ = {bpf_map__fd(object_->maps.runner_frames), most_frames};
    cursor_ = {bpf_map__fd(object_->maps.runner_cursor), 1};
}

Runner::~Runner() = default;

void Runner::load(std::span<RunnerFrame const> frames) {
    std::ranges::copy(frames, frames_.all().begin());
    cursor_.all().front() = {0, static_cast<std::uint32_t>(frames.size() - 1)};
}

void Runner::choose(int program_fd) {
    std::uint32_t const first = 0;
    if (::bpf_map_update_elem(bpf_map__fd(object_->maps.runner_program), &first, &program_fd, BPF_ANY) != 0)
        throw std::runtime_error{"the kernel refused the tail call"};
}

void Runner::learn(std::span<RunnerFrame const> frames) {
    struct Key {
        std::array<std::uint8_t, 12> flow{};
        std::uint32_t protocol = 6;
    };
    auto const map = bpf_map__fd(object_->maps.runner_lookup);
    std::uint64_t const value = 0;
    for (auto const& frame : frames) {
        Key key;
        std::copy_n(frame.octets.begin() + 26, key.flow.size(), key.flow.begin()); // addresses and ports
        if (::bpf_map_update_elem(map, &key, &value, BPF_ANY) != 0)
            throw std::runtime_error{"the floor's hash is full"};
    }
}

int Runner::moved_program() const {
    return bpf_program__fd(object_->progs.moved);
}

int Runner::floor_program() const {
    return bpf_program__fd(object_->progs.lookup);
}

int Runner::empty_program() const {
    return bpf_program__fd(object_->progs.empty);
}

int Runner::empty_tc_program() const {
    return bpf_program__fd(object_->progs.empty_tc);
}

std::uint32_t Runner::run_block(std::uint32_t packets) {
    RunnerFrame frame;
    bpf_test_run_opts run{};
    run.sz = sizeof(run);
    run.data_in = &frame;
    run.data_size_in = sizeof(frame);
    run.repeat = static_cast<int>(packets);
    test_run(bpf_program__fd(object_->progs.runner), run);
    if (run.retval == XDP_ABORTED) throw std::runtime_error{"the runner failed"};
    return run.duration;
}

std::uint32_t run_tc_block(int program_fd, RunnerFrame const& frame, std::uint32_t packets) {
    RunnerFrame left;
    bpf_test_run_opts run{};
    run.sz = sizeof(run);
    run.data_in = &frame;
    run.data_size_in = sizeof(frame);
    run.data_out = &left;
    run.data_size_out = sizeof(left);
    run.repeat = static_cast<int>(packets);
    test_run(program_fd, run);
    if (left.octets != frame.octets) throw std::runtime_error{"a packet was changed"};
    return run.duration;
}

} // namespace pointsman::bench
