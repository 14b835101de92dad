#include "controller/app/interface_counts.hpp"

#include "controller/app/daemon.hpp"
#include "controller/datapath/counters.hpp"

#include <algorithm>

namespace pointsman {
std::vector<InterfaceCounts> interface_counts(std::span<pm_counters const> by_slot,
                                              std::span<pm_link const> slots,
                                              std::map<std::uint32_t, std::string> const& names) {
    std::vector<InterfaceCounts> all;
    pm_counters rest{};
    for (std::size_t slot = 0; slot < by_slot.size(); ++slot) {
        auto const name = slot < slots.size() ? names.find(slots[slot].ifindex) : names.end();
        if (name == names.end())
            add(rest, by_slot[slot]);
        else
            all.push_back({name->second, by_slot[slot]});
    }
    std::ranges::sort(all, {}, &InterfaceCounts::name);
    all.push_back({other_interfaces, rest});
    return all;
}

std::vector<InterfaceCounts> interface_counts(Daemon& daemon) {
    auto& datapath = daemon.datapath();
    std::map<std::uint32_t, std::string> names;
    for (auto const& attachment : datapath.attachments())
        names[attachment.interface().ifindex] = attachment.interface().name;
    return interface_counts(totals_by_link(datapath.programs().counters()),
                            datapath.tables().active_tables().links, names);
}

pm_counters total_of(std::vector<InterfaceCounts> const& interfaces) {
    pm_counters sum{};
    for (auto const& interface : interfaces)
        add(sum, interface.counters);
    return sum;
}

} // namespace pointsman
