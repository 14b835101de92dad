// What the daemon goes on from, and what it leaves its successor.
#include "controller/app/adoption.hpp"
#include "controller/app/daemon.hpp"
#include "controller/model/names.hpp"

#include <boost/json/parse.hpp>
#include <spdlog/spdlog.h>

namespace asio = boost::asio;
namespace json = boost::json;

namespace pointsman {
namespace {

using Steady = std::chrono::steady_clock;
using Wall = std::chrono::system_clock;

AdminOrder to_order(SavedOrder const& saved) {
    AdminOrder order{saved.state, saved.reason, std::nullopt, saved.then};
    if (saved.deadline) order.deadline = Steady::now() + (*saved.deadline - Wall::now());
    return order;
}

SavedOrder to_saved(AdminOrder const& order) {
    SavedOrder saved{order.state, order.reason, std::nullopt, order.then};
    if (order.deadline)
        saved.deadline =
            Wall::now() + std::chrono::duration_cast<Wall::duration>(*order.deadline - Steady::now());
    return saved;
}

std::int64_t milliseconds(std::chrono::nanoseconds duration) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

} // namespace

/// Before the first publish, which is then a plan on top of what packets use.
void Daemon::take_over() {
    auto read = keeper_.read(desired_.daemon.bpffs);
    if (!read.problem.empty())
        spdlog::warn("{} is not used: {}; orders and health that only it knows are forgotten", keeper_.path(),
                     read.problem);
    auto const& predecessor = datapath_.predecessor();
    auto const& room = datapath_.programs().room();
    Inheritance inherited{std::nullopt, std::move(read.state), datapath_.takeover() != Takeover::fresh,
                          room.services, room.backends};
    if (predecessor) inherited.tables = predecessor->generation;
    auto adopted = adopt(inherited, desired_);
    health_.resume(adopted.health);
    for (auto const& [key, order] : adopted.orders)
        admin_.set(key, to_order(order));
    for (auto const& [key, order] : adopted.weights)
        admin_.set(key, order);
    admin_.drop_weights_changed_in(desired_);
    auto const now = Steady::now();
    if (inherited.saved) { // by the wall clock, if it did not go back meanwhile
        auto const age = std::max(Wall::now() - inherited.saved->saved, Wall::duration::zero());
        for (auto const& [key, past] : adopted.pasts)
            judgement_.remember(key, past, now - age);
    }
    stories_ = std::move(adopted.stories);
    instruments_.transitions = std::move(adopted.transitions);
    if (inherited.continues)
        publisher_.adopt(std::move(adopted.current), datapath_.takeover() == Takeover::same);
    tell_of_inheritance(now);
    tell_of_takeover(inherited.saved        ? "read"
                     : read.problem.empty() ? "missing"
                                            : "unusable",
                     adopted.orders.size());
}

/// Health, orders and pasts from before the start, as far as decisions rest on them.
void Daemon::tell_of_inheritance(Steady::time_point now) {
    SavedState state{desired_.daemon.bpffs, Wall::now(), generation().number, {}};
    bool any = false;
    for (auto const& service : desired_.services) {
        auto& saved = state.services.emplace_back();
        saved.name = service.name;
        saved.address = service.address;
        for (auto const& backend : service.backends) {
            BackendKey const key{service.name, backend.name};
            SavedBackend inherited;
            inherited.name = backend.name;
            inherited.address = backend.address;
            inherited.checks = health_.states_of(key);
            if (auto const* order = admin_.find(key)) inherited.order = to_saved(*order);
            if (auto const order = admin_.weights().find(key); order != admin_.weights().end())
                inherited.weight_order = order->second;
            inherited.past = judgement_.past_of(key, now);
            if (inherited.checks.empty() && !inherited.order && !inherited.weight_order && !inherited.past)
                continue;
            saved.backends.push_back(std::move(inherited));
            any = true;
        }
    }
    if (any) audit_.write("resume", {{"state", json::parse(encode(state))}}, Moment::at(now));
}

void Daemon::tell_of_takeover(std::string_view state_file, std::size_t orders) {
    auto const takeover = datapath_.takeover();
    if (takeover == Takeover::fresh) {
        if (orders > 0) spdlog::info("orders in force from before the start: {}", orders);
        return;
    }
    auto const& from = datapath_.predecessor();
    taken_over_ = TakenOver{takeover, generation().number, from ? from->sessions : 0, Wall::now()};
    json::object record{{"tables", name_of(takeover)},
                        {"generation", generation().number},
                        {"services", generation().services.size()},
                        {"backends", generation().backends.size()},
                        {"orders", orders},
                        {"sessions", takeover == Takeover::replaced ? 0 : taken_over_->sessions},
                        {"state_file", state_file}};
    if (from) {
        record["age_ms"] = milliseconds(from->age);
        record["unwatched_ms"] = milliseconds(from->unwatched);
        record["carry_over_resumed"] = from->carrying_over;
    }
    if (!datapath_.why_not_same().empty()) record["text"] = datapath_.why_not_same();
    audit_.write("adopt", record);
    if (takeover == Takeover::replaced)
        spdlog::warn("the tables that packets use cannot be taken over: {}; new ones take their place, and "
                     "established connections end",
                     datapath_.why_not_same());
    else
        spdlog::info("goes on from generation {}: {} sessions, {} backends, {} orders{}{}",
                     generation().number, taken_over_->sessions, generation().backends.size(), orders,
                     carries_sessions(takeover) ? "; to new tables, " : "", datapath_.why_not_same());
}

void Daemon::tell_of_carried_sessions() {
    if (!carries_sessions(datapath_.takeover())) return;
    auto const& carried = datapath_.carried();
    instruments_.sessions_lost += carried.lost;
    spdlog::info(
        "sessions carried to the new tables: {} copied, {} not valid any more, {} lost for want of a place",
        carried.carried, carried.dropped, carried.lost);
}

SavedState Daemon::state_to_save() const {
    SavedState state{desired_.daemon.bpffs, Wall::now(), generation().number, {}};
    auto const pasts = judgement_.pasts(Steady::now()); // of few backends
    for (auto const& service : generation().services) {
        auto& saved = state.services.emplace_back(SavedService{service.name,
                                                               service.address,
                                                               service.port_first,
                                                               service.port_last,
                                                               service.protocol,
                                                               service.id,
                                                               service.panic,
                                                               service.announce,
                                                               {}});
        auto const backends = generation().backends.of(service.id);
        saved.backends.reserve(backends.size());
        for (auto const& backend : backends) {
            auto& each = saved.backends.emplace_back(state_to_save(backend));
            if (auto const past = pasts.find(backend.key); past != pasts.end()) each.past = past->second;
        }
    }
    return state;
}

SavedBackend Daemon::state_to_save(GenerationBackend const& backend) const {
    SavedBackend saved;
    saved.name = backend.key.backend;
    saved.address = backend.address;
    saved.port = backend.port;
    saved.id = backend.id;
    saved.incarnation = backend.incarnation;
    saved.eligible = backend.eligible;
    saved.keeps_sessions = backend.keeps_sessions;
    saved.weight = backend.weight;
    saved.ramp = backend.ramp;
    saved.weight_percent = backend.weight_percent;
    saved.backup = backend.backup;
    saved.checks = health_.states_of(backend.key);
    if (backend.measured != MeasuredState::unknown && backend.measured != conjunction(saved.checks))
        saved.ruled = backend.measured;
    if (auto const story = stories_.find(backend.key); story != stories_.end()) saved.story = story->second;
    if (auto const* order = admin_.find(backend.key)) saved.order = to_saved(*order);
    if (auto const order = admin_.weights().find(backend.key); order != admin_.weights().end())
        saved.weight_order = order->second;
    if (auto const moved = instruments_.transitions.find(backend.key);
        moved != instruments_.transitions.end())
        saved.transitions = moved->second;
    return saved;
}

/// The daemon goes on without: a balancer that forwards is worth more than one that remembers.
void Daemon::state_not_saved(std::string const& why) {
    raise({"state_not_saved", "daemon.state_dir: " + why +
                                  "; orders and health will not outlive this daemon: make " +
                                  desired_.daemon.state_dir + " writable, with room in it"});
}

asio::awaitable<void> Daemon::settled() {
    co_await publisher_.settled();
    co_await keeper_.saved();
}

} // namespace pointsman
