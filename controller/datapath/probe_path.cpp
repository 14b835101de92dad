#include "controller/datapath/probe_path.hpp"

#include "bpf/probe.skel.h"
#include "controller/datapath/abi.hpp"
#include "controller/datapath/program_load.hpp"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <cerrno>
#include <cstring>

namespace pointsman {
namespace {

pm_probe_answer key_of(ProbePassage const& passage) noexcept {
    pm_probe_answer key{};
    key.service = to_abi(passage.service);
    key.port = htons(passage.port);
    key.own_port = htons(passage.own_port);
    key.protocol = passage.protocol;
    return key;
}

} // namespace

void ProbePath::Destroy::operator()(pm_probe_object* object) const noexcept {
    pm_probe_object__destroy(object);
}

ProbePath::ProbePath(ProgramOptions const& options, std::string pin_directory)
    : pin_directory_{std::move(pin_directory)}
    , object_{pm_probe_object__open()} {
    if (!object_)
        throw DatapathError{std::string{"cannot open the programs of the probes' way: "} +
                                std::strerror(errno),
                            "Linux 6.1 or newer with BTF is needed"};
    load_program(object_->obj, &object_->rodata->options, options);
}

ProbePath::~ProbePath() = default;

void ProbePath::follow(std::set<std::uint32_t> const& ifindexes) {
    std::erase_if(hooks_, [&](auto const& entry) { return !ifindexes.contains(entry.first); });
    for (auto const ifindex : ifindexes) {
        if (hooks_.contains(ifindex)) continue;
        ProbeHook in{bpf_program__fd(object_->progs.pm_probe_in), ifindex, Side::in, pin_directory_};
        ProbeHook out{bpf_program__fd(object_->progs.pm_probe_out), ifindex, Side::out, pin_directory_};
        hooks_.emplace(ifindex, std::array{std::move(in), std::move(out)});
    }
}

boost::system::error_code ProbePath::enter(ProbePassage const& passage) noexcept {
    pm_probe probe{};
    probe.dialled = to_abi(passage.dialled);
    probe.service = to_abi(passage.service);
    probe.backend = static_cast<std::uint32_t>(passage.backend);
    auto const key = key_of(passage);
    if (bpf_map_update_elem(bpf_map__fd(object_->maps.pm_probe_answers), &key, &probe.dialled, BPF_ANY) ==
            0 &&
        bpf_map_update_elem(bpf_map__fd(object_->maps.pm_probes), &passage.cookie, &probe, BPF_ANY) == 0)
        return {};
    boost::system::error_code const error{errno, boost::system::system_category()};
    leave(passage);
    return error;
}

void ProbePath::leave(ProbePassage const& passage) noexcept {
    auto const key = key_of(passage);
    bpf_map_delete_elem(bpf_map__fd(object_->maps.pm_probes), &passage.cookie);
    bpf_map_delete_elem(bpf_map__fd(object_->maps.pm_probe_answers), &key);
}

} // namespace pointsman
