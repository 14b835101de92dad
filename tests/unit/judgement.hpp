#pragma once

#include "controller/plan/judgement.hpp"

#include <gtest/gtest.h>

namespace pointsman {

using namespace std::chrono_literals;

/// Backends of services, what probes say of them, and a clock that the test moves.
class JudgementTest : public testing::Test {
protected:
    void add_service(std::string const& name, unsigned backends, std::uint32_t first_host = 1) {
        Service service;
        service.name = name;
        service.slow_start = slow_start;
        desired.services.push_back(service);
        add_backends(desired.services.back(), backends, first_host);
    }

    /// A reload that adds them behind those that are there.
    void add_backends(Service& service, unsigned count, std::uint32_t first_host = 1) {
        for (unsigned i = 0; i < count; ++i) {
            auto const before = static_cast<unsigned>(service.backends.size());
            Backend backend;
            backend.name = "b" + std::to_string(before + 1);
            backend.address = Address::v4(0x0a4d0000 + first_host + before);
            backend.port = 80;
            backend.check.own().policy.damping = half_life;
            service.backends.push_back(backend);
        }
        judgement.assign(desired);
    }

    void set(std::string const& backend, MeasuredState now, bool silent = true) {
        BackendKey const key{"web", backend};
        measured[key] = now;
        if (auto const alarm = judgement.note(key, {now, now == MeasuredState::down, silent}, clock))
            alarms.push_back(alarm->because);
    }

    /// All backends of "web" are found up, as at the start.
    void all_up() {
        for (auto const& backend : desired.services.front().backends)
            set(backend.name, MeasuredState::up);
        (void)rule();
    }

    /// A service of backends that are up, and whose falls cost a penalty.
    void add_penalised_service(unsigned backends) {
        half_life = 30s;
        add_service("web", backends);
        all_up();
    }

    Rulings rule() { return judgement.rule(measured, admin, clock); }
    Ruling ruling(std::string const& backend) { return rule().of.at({"web", backend}); }

    /// "u" up, "d" down, "-" other, one letter a backend of "web".
    std::string states() {
        std::string text;
        for (auto const& [key, ruled] : rule().of)
            if (key.service == "web")
                text += ruled.measured == MeasuredState::up     ? "u"
                        : ruled.measured == MeasuredState::down ? "d"
                                                                : "-";
        return text;
    }

    void flap(std::string const& backend, unsigned times, bool silent = false) {
        for (unsigned i = 0; i < times; ++i) {
            set(backend, MeasuredState::down, silent);
            (void)rule();
            set(backend, MeasuredState::up);
            (void)rule();
        }
    }

    Duration slow_start{};
    Duration half_life{};
    DesiredState desired;
    std::map<BackendKey, MeasuredState> measured;
    std::map<BackendKey, AdminState> admin;
    std::vector<std::string> alarms;
    Judgement::TimePoint clock{1h};
    Judgement judgement;
};

} // namespace pointsman
