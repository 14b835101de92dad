#include "controller/app/admin_book.hpp"

#include <algorithm>

namespace pointsman {

void AdminBook::set(BackendKey const& key, AdminOrder order) {
    if (order.state == AdminState::ready) {
        orders_.erase(key);
        states_.erase(key);
        weights_.erase(key);
        return;
    }
    states_[key] = order.state;
    orders_[key] = std::move(order);
}

void AdminBook::drop_weights_changed_in(DesiredState const& desired) {
    for (auto const& service : desired.services)
        for (auto const& backend : service.backends) {
            auto const found = weights_.find({service.name, backend.name});
            if (found != weights_.end() && found->second.configured != backend.weight) weights_.erase(found);
        }
}

AdminOrder const* AdminBook::find(BackendKey const& key) const {
    auto const found = orders_.find(key);
    return found == orders_.end() ? nullptr : &found->second;
}

std::map<BackendKey, AdminState> AdminBook::due(std::chrono::steady_clock::time_point now) const {
    std::map<BackendKey, AdminState> due;
    for (auto const& [key, order] : orders_)
        if (order.deadline && *order.deadline <= now) due[key] = order.then.value_or(AdminState::maint);
    return due;
}

std::optional<std::chrono::steady_clock::time_point> AdminBook::next_deadline() const {
    std::optional<std::chrono::steady_clock::time_point> next;
    for (auto const& [key, order] : orders_)
        if (order.deadline) next = std::min(next.value_or(*order.deadline), *order.deadline);
    return next;
}

} // namespace pointsman
