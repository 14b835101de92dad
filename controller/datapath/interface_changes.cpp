#include "controller/datapath/interfaces.hpp"

#include <algorithm>
#include <utility>

namespace pointsman {
namespace {

Interface only_named(std::string const& name) {
    Interface interface;
    interface.name = name;
    return interface;
}

std::optional<InterfaceChange::Kind> kind_of(Interface const& was, Interface const& now) {
    using enum InterfaceChange::Kind;
    if (was.ifindex != now.ifindex) return returned;
    if (was.up != now.up) return now.up ? up : down;
    if (was.mac != now.mac || was.mtu != now.mtu) return changed;
    return std::nullopt;
}

} // namespace

std::vector<InterfaceChange> changes_of(std::span<Interface const> known,
                                        std::span<Interface const> present) {
    std::vector<InterfaceChange> changes;
    for (auto const& was : known) {
        auto const now = std::ranges::find(present, was.name, &Interface::name);
        if (now != present.end()) {
            if (auto const kind = kind_of(was, *now)) changes.push_back({*kind, was, *now});
        } else if (was.ifindex != 0) {
            changes.push_back({InterfaceChange::Kind::gone, was, only_named(was.name)});
        }
    }
    return changes;
}

std::string_view name_of(InterfaceChange::Kind kind) noexcept {
    switch (kind) {
    case InterfaceChange::Kind::gone: return "gone";
    case InterfaceChange::Kind::returned: return "returned";
    case InterfaceChange::Kind::down: return "down";
    case InterfaceChange::Kind::up: return "up";
    case InterfaceChange::Kind::changed: return "changed";
    }
    std::unreachable();
}

} // namespace pointsman
