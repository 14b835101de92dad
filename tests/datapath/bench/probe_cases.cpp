#include "tests/datapath/bench/probe_cases.hpp"

#include "bpf/probe.skel.h"
#include "controller/datapath/program_load.hpp"
#include "tests/datapath/bench/cases.hpp"

namespace pointsman::bench {

void ProbePrograms::Destroy::operator()(pm_probe_object* object) const noexcept {
    pm_probe_object__destroy(object);
}

ProbePrograms::ProbePrograms(test::Datapath const& datapath, DatapathOptions const& options)
    : object_{pm_probe_object__open()} {
    if (!object_)
        throw DatapathError{"the probes' programs do not open", "install the libbpf they were built with"};
    load_program(object_->obj, &object_->rodata->options, {options, datapath.pin_directory()});
}

std::vector<ProbePrograms::Case> ProbePrograms::cases() const {
    std::vector<Case> cases;
    for (auto const v6 : {false, true}) {
        auto const frame = frame_of_no_service({Forward::nat, v6}, 0);
        auto const family = std::string{v6 ? "_ipv6" : "_ipv4"};
        cases.push_back({"probe_out" + family, bpf_program__fd(object_->progs.pm_probe_out), frame});
        cases.push_back({"probe_in" + family, bpf_program__fd(object_->progs.pm_probe_in), frame});
    }
    return cases;
}

} // namespace pointsman::bench
