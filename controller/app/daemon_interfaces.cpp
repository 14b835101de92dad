// What the daemon does when the interfaces under it change.
#include "controller/app/daemon.hpp"

#include "controller/datapath/error.hpp"
#include "controller/model/names.hpp"

#include <spdlog/spdlog.h>

namespace pointsman {
namespace {

std::string text_of(InterfaceChange const& change) {
    auto const& name = change.now.name;
    switch (change.kind) {
    case InterfaceChange::Kind::gone:
        return "interface " + name + " is gone: nothing comes by it until there is one of that name again";
    case InterfaceChange::Kind::returned: return "interface " + name + " is back as another one";
    case InterfaceChange::Kind::down: return "interface " + name + " is down: set it up";
    case InterfaceChange::Kind::up: return "interface " + name + " is up again";
    case InterfaceChange::Kind::changed:
        return "interface " + name + " has another MAC address or MTU (" + std::to_string(change.now.mtu) +
               ")";
    }
    std::unreachable();
}

bool needs_a_person(InterfaceChange::Kind kind) {
    return kind == InterfaceChange::Kind::gone || kind == InterfaceChange::Kind::down;
}

} // namespace

void Daemon::tell_of(Attachment const& attachment) {
    auto const& choice = attachment.choice();
    spdlog::info("attached to {} by {}: {}", attachment.interface().name, name_of(choice.attach), choice.why);
    audit_.write("attach", {{"interface", attachment.interface().name},
                            {"attach", name_of(choice.attach)},
                            {"because", choice.because},
                            {"text", choice.why},
                            {"replaced", attachment.is_taken_over()}});
}

void Daemon::follow_interfaces() {
    for (auto const& change : datapath_.follow_interfaces()) {
        auto const because = "interface_" + std::string{name_of(change.kind)};
        if (needs_a_person(change.kind)) {
            raise({because, text_of(change), 0, change.now.name});
            continue;
        }
        spdlog::info("{}", text_of(change));
        audit_.write("interface",
                     {{"because", because}, {"interface", change.now.name}, {"text", text_of(change)}});
        end_alarms([&](Alarm const& alarm) {
            return alarm.subject == change.now.name && alarm.because.starts_with("interface_");
        });
        if (change.kind == InterfaceChange::Kind::returned) attach_again(change.now);
    }
}

void Daemon::attach_again(Interface const& interface) {
    try {
        tell_of(datapath_.attach_again(interface));
        end_alarms("not_attached", interface.name);
    } catch (std::exception const& error) {
        raise(
            {"not_attached", interface.name + " has no program of ours: " + error.what(), 0, interface.name});
    }
}

} // namespace pointsman
