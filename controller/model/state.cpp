#include "controller/model/state.hpp"

#include <utility>

namespace pointsman {

std::string_view name_of(MeasuredState value) noexcept {
    switch (value) {
    case MeasuredState::unknown: return "unknown";
    case MeasuredState::up: return "up";
    case MeasuredState::down: return "down";
    case MeasuredState::draining: return "drain";
    case MeasuredState::resting: return "maint";
    }
    std::unreachable();
}

std::string_view name_of(AdminState value) noexcept {
    switch (value) {
    case AdminState::ready: return "ready";
    case AdminState::drain: return "drain";
    case AdminState::maint: return "maint";
    }
    std::unreachable();
}

std::string_view name_of(State value) noexcept {
    switch (value) {
    case State::up: return "up";
    case State::starting: return "starting";
    case State::drain: return "drain";
    case State::down: return "down";
    case State::maint: return "maint";
    }
    std::unreachable();
}

std::string text(BackendKey const& key) {
    return key.service + "/" + key.backend;
}

} // namespace pointsman
