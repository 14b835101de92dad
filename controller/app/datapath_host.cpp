#include "controller/app/datapath_host.hpp"

#include "controller/datapath/error.hpp"

#include <algorithm>

namespace pointsman {

DatapathHost::DatapathHost(DesiredState const& desired)
    : planned_{plan_attachments(desired.datapath)}, pins_{desired.daemon.bpffs}, leftovers_{remove_leftovers(pins_)},
      programs_{program_options(desired.datapath)}, switch_{programs_} {}

void DatapathHost::attach() {
    for (auto const& planned : planned_)
        attachments_.emplace_back(programs_, planned.interface, planned.choice, pins_.path());
}

void DatapathHost::stay() {
    for (auto& attachment : attachments_) attachment.stay();
    pins_.stay();
}

std::vector<DatapathHost::Planned> DatapathHost::plan_attachments(DatapathOptions const& options) {
    auto const present = read_interfaces();
    std::vector<Planned> planned;
    for (auto const& name : options.interfaces) {
        auto const found = std::ranges::find(present, name, &Interface::name);
        if (found == present.end())
            throw DatapathError{"datapath.interfaces: there is no interface " + name,
                                "create it first, or correct the name (ip link shows all)"};
        planned.push_back({*found, choose_attach(options.attach, *found)});
    }
    return planned;
}

ProgramOptions DatapathHost::program_options(DatapathOptions const& options) const {
    auto const any = [this](Hook hook) {
        return std::ranges::any_of(planned_, [&](Planned const& planned) { return planned.choice.hook() == hook; });
    };
    return {options, pins_.path(), any(Hook::xdp), any(Hook::tc)};
}

} // namespace pointsman
