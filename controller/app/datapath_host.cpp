#include "controller/app/datapath_host.hpp"

#include "controller/datapath/error.hpp"

#include <algorithm>

namespace pointsman {
namespace {

std::uint64_t monotonic_ns() {
    return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

/// Of tables with an unknown layout nothing can be read.
std::optional<Predecessor> read_predecessor(TableSets const& sets, std::uint64_t ticks_per_second) {
    if (!sets.now) return std::nullopt;
    return pointsman::read_predecessor(MappedTables{sets.now->directory, sets.now->room}, ticks_per_second,
                                       monotonic_ns());
}

/// Passes over the same sessions: each meets those that are not valid or find no place.
void add_pass(CarryOver& sum, CarryOver const& pass) {
    sum.carried += pass.carried;
    sum.dropped = pass.dropped;
    sum.lost = pass.lost;
    sum.closed = pass.closed;
}

} // namespace

DatapathHost::DatapathHost(DesiredState const& desired)
    : hash_key_{hash_key_of(desired.datapath.hash_seed)}
    , planned_{plan_attachments(desired.datapath)}
    , claims_{claim(desired.datapath)}
    , pins_{desired.daemon.bpffs}
    , sets_{find_tables(pins_, Room::of(desired.datapath), desired.datapath.hash_seed)}
    , programs_{(pins_.remove_at_end(sets_.takeover == Takeover::fresh), program_options(desired.datapath))}
    , switch_{programs_}
    , predecessor_{read_predecessor(sets_, programs_.ticks_per_second())} {
    if (sets_.takeover == Takeover::same) Switch::wait_for_packets(); // for those under way in the idle half
    note_alive();
}

/// New tables are made current when they hold a generation and the sessions, but before packets use them: a
/// daemon that is killed in between is followed by one that goes on with them.
void DatapathHost::attach() {
    if (carries_sessions(sets_.takeover)) take_sessions_of_older_tables();
    if (sets_.takeover != Takeover::same) make_current(pins_, sets_);
    stays_ = sets_.takeover != Takeover::fresh;
    for (auto const& planned : planned_)
        attach(planned);
    end_other_attachments(pins_, attachments_);
    if (!sets_.older.empty()) { // once more for what came meanwhile, and for packets under way
        take_sessions_of_older_tables();
        Switch::wait_for_packets();
        take_sessions_of_older_tables();
    }
    remove_older_tables(pins_, sets_);
}

void DatapathHost::attach(Planned const& planned) {
    auto const& [interface, choice] = planned;
    try {
        attachments_.emplace_back(programs_, interface, choice, pins_.path());
    } catch (NoNativeXdp const&) {
        if (!choice.may_fall_back) throw;
        attachments_.emplace_back(programs_, interface, fall_back(interface), pins_.path());
    }
    attachments_.back().stay(stays_);
}

std::vector<InterfaceChange> DatapathHost::follow_interfaces() {
    std::vector<Interface> known;
    for (auto const& planned : planned_)
        known.push_back(planned.interface);
    auto changes = changes_of(known, read_interfaces(netlink_));
    for (auto const& change : changes)
        std::ranges::find(planned_, change.now.name, [](auto const& planned) {
            return planned.interface.name;
        })->interface = change.now;
    return changes;
}

/// The link to the interface that is gone ended with it; its pin goes with its owner.
Attachment const& DatapathHost::attach_again(Interface const& interface) {
    std::vector<Attachment> others;
    for (auto& attachment : attachments_) {
        if (attachment.interface().name == interface.name)
            attachment.stay(false);
        else
            others.push_back(std::move(attachment));
    }
    attachments_ = std::move(others);
    attach(*std::ranges::find(planned_, interface.name,
                              [](auto const& planned) { return planned.interface.name; }));
    return attachments_.back();
}

std::unique_ptr<ProbePath> DatapathHost::make_probe_path(DatapathOptions const& options) const {
    return std::make_unique<ProbePath>(ProgramOptions{options, sets_.directory}, pins_.path());
}

void DatapathHost::take_sessions_of_older_tables() {
    for (auto const& older : sets_.older)
        add_pass(carried_, take_sessions(MappedTables{older.directory, older.room}, switch_.active_sessions(),
                                         switch_.active_tables(), conversion_from(older)));
}

SessionConversion DatapathHost::conversion_from(FoundTables const& older) const {
    SessionConversion conversion{older.abi, std::nullopt, monotonic_ns() >> 10};
    if (hash_key_of(older.hash_seed) != hash_key_) conversion.hash_key = hash_key_;
    return conversion;
}

void DatapathHost::stay(bool stays) {
    stays_ = stays;
    for (auto& attachment : attachments_)
        attachment.stay(stays);
    pins_.remove_at_end(!stays);
}

void DatapathHost::note_alive() noexcept {
    programs_.maps().ledger().alive_ns = monotonic_ns();
}

void DatapathHost::tidy() noexcept {
    note_alive();
    for (auto const& claim : claims_)
        claim.hang_up();
}

std::vector<DatapathHost::Planned> DatapathHost::plan_attachments(DatapathOptions const& options) {
    Netlink netlink;
    auto const present = read_interfaces(netlink);
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

std::vector<InterfaceClaim> DatapathHost::claim(DatapathOptions const& options) {
    std::vector<InterfaceClaim> claims;
    for (auto const& name : options.interfaces)
        claims.emplace_back(name);
    return claims;
}

ProgramOptions DatapathHost::program_options(DatapathOptions const& options) const {
    auto const any = [this](Hook hook) {
        return std::ranges::any_of(planned_, [&](Planned const& planned) {
            return planned.choice.hook() == hook || (hook == Hook::tc && planned.choice.may_fall_back);
        });
    };
    auto const is_generic = [](Planned const& planned) { return planned.choice.attach == Attach::generic; };
    return {options, sets_.directory, any(Hook::xdp), any(Hook::tc),
            std::ranges::any_of(planned_, is_generic)};
}

} // namespace pointsman
