// What people order, and the deadlines of what they ordered.
#include "controller/app/daemon.hpp"

#include "controller/app/on_thread.hpp"
#include "controller/model/names.hpp"

#include <spdlog/spdlog.h>

namespace asio = boost::asio;
namespace json = boost::json;

namespace pointsman {

Answer Daemon::order(BackendKey const& key, AdminOrder order, std::optional<Peer> actor) {
    auto const* backend = generation().find(key);
    if (!backend) return {Answer::Kind::unknown, "there is no backend " + text(key)};
    auto const before = backend->state();
    auto const after = state_of(backend->measured, order.state);
    json::object record = subject_json(*backend);
    record["was"] = name_of(before);
    record["now"] = name_of(after);
    record["because"] = actor ? "operator" : "deadline";
    record["order"] = name_of(order.state);
    record["reason"] = order.reason;
    if (actor) record["actor"] = actor_json(*actor);
    cause({audit_.write("admin", record), std::chrono::steady_clock::now(), std::nullopt});
    spdlog::info("{} is {} by order{}{}", text(key), name_of(order.state), order.reason.empty() ? "" : ": ",
                 order.reason);
    if (order.state == AdminState::maint) {
        health_.forget(key);
        path_findings_.erase(key);
        judgement_.rest(key);
    }
    if (order.state == AdminState::ready)
        for (auto const& target : health_.forget_wishes(key))
            monitor_.forget_wishes(target);
    admin_.set(key, std::move(order));
    tell(key, actor ? "operator" : "deadline");
    set_targets();
    on_deadline();
    publisher_.mark_dirty();
    keeper_.changed(StateKeeper::Haste::at_once);
    return {Answer::Kind::done, text(key) + " is " + std::string{name_of(after)}};
}

Answer Daemon::order_weight(BackendKey const& key, WeightOrder order, std::optional<Peer> actor) {
    auto const* backend = generation().find(key);
    if (!backend) return {Answer::Kind::unknown, "there is no backend " + text(key)};
    for (auto const& service : desired_.services)
        for (auto const& configured : service.backends)
            if (BackendKey{service.name, configured.name} == key) order.configured = configured.weight;
    json::object record = subject_json(*backend);
    record["was"] = std::to_string(backend->weight);
    record["now"] = std::to_string(order.weight);
    record["because"] = "weight";
    record["reason"] = order.reason;
    if (actor) record["actor"] = actor_json(*actor);
    cause({audit_.write("admin", record), std::chrono::steady_clock::now(), std::nullopt});
    auto const answer = text(key) + " has weight " + std::to_string(order.weight);
    spdlog::info("{} by order{}{}", answer, order.reason.empty() ? "" : ": ", order.reason);
    admin_.set(key, std::move(order));
    publisher_.mark_dirty();
    keeper_.changed(StateKeeper::Haste::at_once);
    return {Answer::Kind::done, answer};
}

asio::awaitable<SessionCounts> Daemon::sessions() {
    SessionCounts counts;
    auto const snapshot = datapath_.session_snapshot();
    auto const read = [&counts, &snapshot] { counts = count_sessions(snapshot); };
    co_await on_thread(reader_, read);
    note_sessions(counts);
    co_return counts;
}

void Daemon::note_sessions(SessionCounts const& counts) {
    auto const now = std::chrono::steady_clock::now();
    for (auto const& backend : generation().backends) {
        auto const found = counts.find(static_cast<std::uint32_t>(backend.id));
        admin_.note_sessions(backend.key, found == counts.end() ? 0 : found->second, now);
    }
}

/// Carries out what is due and waits for the next deadline of a drain.
void Daemon::on_deadline() {
    auto const next = admin_.next_deadline();
    if (!next || stopping_) return;
    deadline_.expires_at(*next);
    deadline_.async_wait([this](boost::system::error_code error) {
        if (error) return;
        for (auto const& [key, state] : admin_.due(std::chrono::steady_clock::now()))
            (void)order(key, {.state = state, .reason = "drain deadline", .deadline = {}, .then = {}},
                        std::nullopt);
        on_deadline();
    });
}

} // namespace pointsman
