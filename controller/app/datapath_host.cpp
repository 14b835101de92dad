#include "controller/app/datapath_host.hpp"

#include "controller/datapath/error.hpp"

#include <algorithm>

namespace pointsman {

DatapathHost::DatapathHost(DesiredState const& desired)
    : hash_key_{hash_key_of(desired.datapath.hash_seed)}
    , planned_{plan_attachments(desired.datapath)}
    , pins_{desired.daemon.bpffs}
    , leftovers_{remove_leftovers(pins_)}
    , programs_{program_options(desired.datapath)}
    , switch_{programs_} {}

void DatapathHost::attach() {
    for (auto const& [interface, choice] : planned_) {
        try {
            attachments_.emplace_back(programs_, interface, choice, pins_.path());
        } catch (NoNativeXdp const&) {
            if (!choice.may_fall_back) throw;
            attachments_.emplace_back(programs_, interface, fall_back(interface), pins_.path());
        }
    }
}

void DatapathHost::stay() {
    for (auto& attachment : attachments_)
        attachment.stay();
    pins_.stay();
}

SessionSnapshot DatapathHost::session_snapshot() const {
    auto const tables = switch_.active_tables();
    SessionSnapshot snapshot{switch_.active_sessions(),
                             {tables.backends.begin(), tables.backends.end()},
                             {},
                             newest_tick(programs_.counters())};
    for (auto const& service : tables.services)
        snapshot.idle_ticks.push_back(service.idle_ticks);
    return snapshot;
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
        return std::ranges::any_of(planned_, [&](Planned const& planned) {
            return planned.choice.hook() == hook || (hook == Hook::tc && planned.choice.may_fall_back);
        });
    };
    return {options, pins_.path(), any(Hook::xdp), any(Hook::tc)};
}

} // namespace pointsman
