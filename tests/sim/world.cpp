#include "tests/sim/world.hpp"

#include <algorithm>
#include <utility>

namespace pointsman::sim {
namespace {

using namespace std::chrono_literals;
using Kind = Happening::Kind;

constexpr Time start{1h};
constexpr Duration whole_run = 25s;
constexpr Duration refusal_shows = 5ms; ///< from one refused client to the next
constexpr Duration silence_shows = 130ms;

} // namespace

World::World(Setup setup, std::vector<Happening> happenings)
    : setup_{std::move(setup)}
    , happenings_{std::move(happenings)}
    , random_{setup_.seed}
    , now_{start}
    , end_{start + whole_run} {
    unsigned number = 0;
    for (std::size_t s = 0; s < setup_.pools.size(); ++s)
        for (unsigned b = 0; b < setup_.pools[s]; ++b, ++number) {
            Server server;
            server.key = {"s" + std::to_string(s), "b" + std::to_string(b)};
            server.wanted.name = server.key.backend;
            server.wanted.address = Address::v4(0x0a4d0002 + number);
            server.wanted.port = 80;
            server.wanted.check.own().policy = setup_.policy;
            network_.routes[server.wanted.address] = {NextHop{2, {2, 0, 0, 0, 0, 9}, {2, 0, 0, 0, 0, 1}},
                                                      Address::v4(0x0a4d00f0)};
            servers_.push_back(server);
        }
    configure();
}

std::optional<std::string> World::run() {
    while (now_ < end_ && !failure_) {
        while (next_happening_ < happenings_.size() && start + happenings_[next_happening_].at <= now_)
            happen(happenings_[next_happening_++]);
        if (now_ < stalled_until_) { // the world goes on, this process does not
            now_ = stalled_until_;
            continue;
        }
        follow_own_link();
        for (auto& server : servers_) {
            if (!server.track) continue;
            end_probes(server);
            show_evidence(server);
            start_probes(server);
        }
        if (rulings_.next && *rulings_.next <= now_) dirty_ = true;
        if (std::exchange(dirty_, false)) publish();
        for (auto& server : servers_) {
            auto const unreachable = now_ < dead_link_until_ || now_ < mute_until_;
            if (server.mode > Mode::asking || unreachable) server.faulty = now_;
        }
        now_ = std::max(next_time(), now_ + 1us);
    }
    return failure_;
}

Time World::next_time() const {
    auto next = end_;
    if (next_happening_ < happenings_.size()) next = std::min(next, start + happenings_[next_happening_].at);
    if (rulings_.next) next = std::min(next, *rulings_.next);
    if (cut_off_) next = std::min(next, dead_link_until_);
    for (auto const& server : servers_) {
        if (!server.track) continue;
        next = std::min(next, server.track->next(setup_.policy, flights_of(server)));
        if (server.evidence) next = std::min(next, *server.evidence);
        for (auto const& flight : server.flights)
            next = std::min(next, flight.ends);
    }
    return next;
}

void World::happen(Happening const& happening) {
    auto& server = servers_[happening.backend];
    auto const at = start + happening.at;
    auto const end = at + std::chrono::milliseconds{happening.value};
    switch (happening.kind) {
    case Kind::kill: return set_mode(server, Mode::refusing);
    case Kind::darken: return set_mode(server, Mode::dark);
    case Kind::slow: return set_mode(server, happening.value >= 500 ? Mode::slow : Mode::good, end - at);
    case Kind::ask:
        server.asks = happening.value == 1 ? AdminState::maint : AdminState::drain;
        return set_mode(server, Mode::asking);
    case Kind::revive: return set_mode(server, Mode::good);
    case Kind::noise:
        if (server.track) server.track->ask(Evidence::refused, setup_.policy, now_);
        return;
    case Kind::restart: restart_at(end, happening.value % 2 == 1); [[fallthrough]];
    case Kind::stall: stalled_until_ = std::max(stalled_until_, end); break;
    case Kind::link:
        if (now_ >= dead_link_until_) dead_link_since_ = now_;
        dead_link_until_ = std::max(dead_link_until_, end);
        break;
    case Kind::mute: mute_until_ = std::max(mute_until_, end); break;
    case Kind::starve: starved_until_ = std::max(starved_until_, end); break;
    case Kind::deafen: deaf_until_ = std::max(deaf_until_, end); return own_fault_until(end);
    case Kind::drain: return order(server, AdminState::drain);
    case Kind::maint: return order(server, AdminState::maint);
    case Kind::ready: return order(server, AdminState::ready);
    case Kind::weight:
        if (server.configured) weights_[server.key] = happening.value;
        dirty_ = true;
        return;
    case Kind::share:
        if (server.configured) percents_[server.key] = happening.value;
        dirty_ = true;
        return;
    case Kind::reload:
        server.configured = !server.configured;
        server.dead.reset();
        configure();
        return;
    }
    own_fault_until(end);
}

void World::order(Server& server, AdminState state) {
    if (!server.configured) return;
    if (state == AdminState::maint) {
        measured_.erase(server.key);
        judgement_.rest(server.key);
    }
    if (state == AdminState::ready) {
        weights_.erase(server.key);
        percents_.erase(server.key);
    }
    admin_[server.key] = state;
    server.dead.reset();
    configure();
}

/// Orders and the judgement's past go on, and unless it is a cold start so do tables and states; probes and
/// rulings do not.
void World::restart_at(Time begin, bool cold) {
    auto const pasts = judgement_.pasts(now_);
    judgement_ = Judgement{};
    judgement_.assign(desired_);
    for (auto const& [key, past] : pasts)
        judgement_.remember(key, past, now_);
    rulings_ = {};
    at_once_ = {};
    cut_off_ = false;
    if (cold) {
        measured_.clear();
        current_ = {};
    }
    for (auto& server : servers_) {
        if (!server.track) continue;
        server.flights.clear();
        server.track.emplace(cold ? HealthState{} : HealthState{server.track->state()});
        server.track->begin_at(begin);
    }
    dirty_ = true;
}

void World::set_mode(Server& server, Mode mode, Duration latency) {
    server.mode = mode;
    server.latency = latency;
    server.changed = now_;
    server.dead.reset();
    server.evidence.reset();
    auto const* backend = current_.find(server.key);
    server.was_up = server.track && server.track->state().state == MeasuredState::up && backend &&
                    backend->eligible && now_ >= own_fault_ended_;
    if (mode == Mode::refusing || mode == Mode::dark) {
        server.dead = std::max(now_, own_fault_ended_);
        server.evidence = now_ + (mode == Mode::dark ? silence_shows : refusal_shows);
    }
}

/// The kernel tells at once when a carrier goes or comes.
void World::follow_own_link() {
    if (cut_off_ == (now_ < dead_link_until_)) return;
    cut_off_ = !cut_off_;
    std::set<BackendKey> keys;
    for (auto const& server : servers_)
        if (cut_off_) keys.insert(server.key);
    judgement_.cut_off(keys, now_);
    dirty_ = true;
}

/// Nobody is to be found dead before we are well again ourselves.
void World::own_fault_until(Time end) {
    own_fault_ended_ = std::max(own_fault_ended_, end);
    for (auto& server : servers_) {
        if (server.dead) server.dead = std::max(*server.dead, own_fault_ended_);
        server.was_up = false;
    }
}

/// Reads the configuration anew: what a reload and an order do.
void World::configure() {
    desired_.services.clear();
    for (auto& server : servers_) {
        if (desired_.services.empty() || desired_.services.back().name != server.key.service) {
            Service service;
            service.name = server.key.service;
            service.address = Address::v4(0x0a4d0064 + static_cast<std::uint32_t>(desired_.services.size()));
            service.port_first = service.port_last = 80;
            service.panic_threshold = setup_.panic_threshold;
            service.slow_start = setup_.slow_start;
            desired_.services.push_back(service);
        }
        if (server.configured) desired_.services.back().backends.push_back(server.wanted);
        bool const probed = server.configured && admin_of(server.key) != AdminState::maint;
        if (!server.configured) {
            measured_.erase(server.key);
            admin_.erase(server.key);
            weights_.erase(server.key);
            percents_.erase(server.key);
        }
        if (probed == server.track.has_value()) continue;
        server.flights.clear();
        server.track.reset();
        if (!probed) continue;
        server.track.emplace(HealthState{});
        server.track->begin_at(now_);
        if (server.dead) server.dead = now_;
    }
    judgement_.assign(desired_);
    dirty_ = true;
}

Flights World::flights_of(Server const& server) const {
    Flights flights{.count = server.flights.size()};
    if (!server.flights.empty()) {
        flights.oldest = server.flights.front().began;
        flights.newest = server.flights.back().began;
    }
    return flights;
}

void World::start_probes(Server& server) {
    auto const& policy = setup_.policy;
    while (server.track->next(policy, flights_of(server)) <= now_) {
        Flight flight{now_, now_ + 200us};
        if (now_ < starved_until_) {
            flight.code = OutcomeCode::OWN;
        } else if (server.mode == Mode::dark || now_ < dead_link_until_ || now_ < mute_until_) {
            flight.code = OutcomeCode::L4TOUT;
            flight.ends = now_ + policy.timeout;
        } else if (server.mode == Mode::refusing) {
            flight.code = OutcomeCode::L4CON;
        } else {
            if (server.mode == Mode::asking) flight.asks = server.asks;
            flight.ends = now_ + std::min(200us + server.latency, policy.timeout);
            if (server.latency >= policy.timeout) flight.code = OutcomeCode::L7TOUT;
        }
        server.track->started(now_);
        server.flights.push_back(flight);
        for (auto& each : server.flights)
            each.overlapped = each.overlapped || server.flights.size() > 1;
    }
}

void World::end_probes(Server& server) {
    for (;;) {
        auto const ended = std::ranges::find_if(server.flights,
                                                [this](Flight const& flight) { return flight.ends <= now_; });
        if (ended == server.flights.end()) return;
        auto flight = *ended;
        server.flights.erase(ended);
        auto const deadline = flight.began + setup_.policy.timeout;
        // An answer that waits in the socket is lost when the timer is looked at first.
        if (now_ > deadline && passed(flight.code)) {
            flight.code = OutcomeCode::L7TOUT;
            flight.asks = AdminState::ready;
        }
        if (stalled(deadline, now_, setup_.policy, flight.overlapped)) flight.code = OutcomeCode::OWN;
        conclude(server, flight);
    }
}

void World::conclude(Server& server, Flight const& flight) {
    auto const random = static_cast<double>(random_() % 1000) / 1000;
    auto const deadline = flight.began + setup_.policy.timeout;
    ProbeEnd const end{flight.began, flight.code, {.state = flight.asks}, now_ - deadline};
    auto const counted = server.track->conclude(end, setup_.policy, random, servers_.size());
    if (flight.code == OutcomeCode::OWN) return;
    auto const state = server.track->state().state;
    auto const pass = passed(flight.code);
    bool const silent = flight.code == OutcomeCode::L4TOUT;
    (void)judgement_.note(server.key, {state, !pass, silent}, now_);
    if (!counted.transition) return;
    measured_[server.key] = state;
    rule_at_once(server.key);
    dirty_ = true;
}

/// Clients meet a dead backend for as long as flows go there.
void World::show_evidence(Server& server) {
    if (!server.evidence || now_ < *server.evidence) return;
    auto const* backend = current_.find(server.key);
    bool const refused = server.mode == Mode::refusing;
    server.evidence = now_ + (refused ? refusal_shows * 4 : Duration{1s});
    if (!setup_.traffic || now_ < deaf_until_ || !backend || !backend->eligible) return;
    server.track->ask(refused ? Evidence::refused : Evidence::general, setup_.policy, now_);
}

AdminState World::admin_of(BackendKey const& key) const {
    auto const found = admin_.find(key);
    return found == admin_.end() ? AdminState::ready : found->second;
}

void World::fail(std::string const& what) {
    auto const ms = std::chrono::duration_cast<std::chrono::milliseconds>(now_ - start).count();
    if (!failure_) failure_ = std::to_string(ms) + " ms: " + what;
}

} // namespace pointsman::sim
