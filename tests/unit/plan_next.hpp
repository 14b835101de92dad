#pragma once

#include "controller/plan/plan.hpp"

#include <gtest/gtest.h>

namespace pointsman {

inline Address address(char const* text) {
    return Address::parse(text).value();
}

inline Route route(std::uint32_t ifindex, char const* source) {
    return {NextHop{ifindex, {2, 0, 0, 0, 0, 9}, {2, 0, 0, 0, 0, 1}}, address(source)};
}

/// Everything a plan depends on, and the generation it led to.
class PlanNext : public testing::Test {
protected:
    PlanNext() {
        web().backends = {wanted("b1", "10.77.0.2"), wanted("b2", "10.77.0.3")};
        for (char const* backend : {"10.77.0.2", "10.77.0.3", "10.77.0.4"})
            network.routes[address(backend)] = route(2, "10.77.0.5");
        for (char const* backend : {"b1", "b2", "b3"})
            measured[{"web", backend}] = MeasuredState::up;
    }

    static Service service(std::string name, char const* at) {
        Service out;
        out.name = std::move(name);
        out.address = address(at);
        out.port_first = out.port_last = 80;
        return out;
    }

    static Backend wanted(std::string name, char const* at, std::uint16_t port = 80) {
        return {.name = std::move(name), .address = address(at), .port = port, .check = {}};
    }

    Service& web() { return desired.services.front(); }

    Plan publish() {
        auto plan = plan_next({desired, measured, admin, network}, current);
        current = plan.next;
        return plan;
    }

    [[nodiscard]] GenerationBackend const& backend(std::string const& name,
                                                   std::string const& of = "web") const {
        auto const* found = current.find(BackendKey{of, name});
        if (!found) throw std::runtime_error{"no backend " + of + "/" + name};
        return *found;
    }

    /// "web/b1 is 1.1 of service 1": id and incarnation, what a session is checked against.
    [[nodiscard]] std::string identities() const {
        std::string out;
        for (auto const& each : current.backends)
            out += text(each.key) + " is " + std::to_string(static_cast<std::uint32_t>(each.id)) + "." +
                   std::to_string(each.incarnation) + " of service " +
                   std::to_string(static_cast<unsigned>(each.service)) + "\n";
        return out;
    }

    /// A session that was made now, and whether it is still valid later.
    struct Session {
        BackendId backend;
        std::uint32_t incarnation;
        ServiceId service;
    };
    [[nodiscard]] Session session_on(std::string const& name) const {
        return {backend(name).id, backend(name).incarnation, backend(name).service};
    }
    [[nodiscard]] bool is_valid(Session const& session) const {
        auto const* found = current.find(session.backend);
        return found && found->incarnation == session.incarnation && found->service == session.service;
    }

    DesiredState desired{{}, {}, {}, {service("web", "10.77.0.100")}};
    std::map<BackendKey, MeasuredState> measured;
    std::map<BackendKey, AdminState> admin;
    NetworkView network{{}, {{2, {2, 0, 0, 0, 0, 1}}}, {}};
    Generation current;
};

} // namespace pointsman
