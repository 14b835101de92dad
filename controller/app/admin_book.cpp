#include "controller/app/admin_book.hpp"

#include <algorithm>

namespace pointsman {

void DrainProgress::note(std::uint64_t sessions, TimePoint now) {
    if (!began_ || sessions > most_) { // more: what is measured begins anew
        began_ = now;
        most_ = sessions;
    }
    newest_ = now;
    left_ = sessions;
}

std::optional<std::chrono::seconds> DrainProgress::remaining() const {
    if (!began_ || left_ >= most_) return std::nullopt;
    auto const each = std::chrono::duration<double>(newest_ - *began_) / static_cast<double>(most_ - left_);
    return std::chrono::ceil<std::chrono::seconds>(each * static_cast<double>(left_));
}

void AdminBook::set(BackendKey const& key, AdminOrder order) {
    drains_.erase(key);
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

void AdminBook::note_sessions(BackendKey const& key, std::uint64_t sessions,
                              std::chrono::steady_clock::time_point now) {
    auto const state = states_.find(key);
    if (state != states_.end() && state->second == AdminState::drain) drains_[key].note(sessions, now);
}

DrainProgress const* AdminBook::progress_of(BackendKey const& key) const {
    auto const found = drains_.find(key);
    return found == drains_.end() ? nullptr : &found->second;
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
