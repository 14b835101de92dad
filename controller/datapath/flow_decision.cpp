#include "controller/datapath/flow_decision.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>

namespace pointsman {
namespace {

/// session.h: PARTNER_REFRESH_TICKS
constexpr std::uint32_t partner_refresh_ticks = 1024;

pm_flow flow_of(FlowQuestion const& question) {
    pm_flow flow{};
    flow.source = to_abi(question.source.address);
    flow.destination = to_abi(question.destination.address);
    flow.source_port = htons(question.source.port);
    flow.destination_port = htons(question.destination.port);
    flow.protocol = static_cast<std::uint8_t>(question.protocol);
    return flow;
}

bool equal(pm_addr const& a, pm_addr const& b) noexcept {
    return std::memcmp(&a, &b, sizeof(a)) == 0;
}

/// As session_matches in bpf/session.h.
bool matches(pm_session const& session, pm_flow const& flow, TableHalf const& tables) {
    if (session.protocol != flow.protocol) return false;
    if (session.direction == PM_TO_BACKEND) {
        if (session.service >= tables.services.size()) return false;
        auto const& service = tables.services[session.service];
        return session.client_port == flow.source_port && session.service_port == flow.destination_port &&
               equal(session.client, flow.source) && service.protocol == flow.protocol &&
               equal(service.address, flow.destination);
    }
    if (session.backend >= tables.backends.size() || session.nat_address >= tables.nat_addresses.size())
        return false;
    auto const& backend = tables.backends[session.backend];
    return session.nat_port == flow.destination_port && backend.port == flow.source_port &&
           equal(backend.address, flow.source) &&
           equal(tables.nat_addresses[session.nat_address], flow.destination);
}

/// As session_find in bpf/session.h.
std::optional<pm_session> find(SessionHalf half, std::uint64_t hash, pm_flow const& flow,
                               TableHalf const& tables) {
    auto const high = static_cast<std::uint32_t>(hash >> 32);
    auto const sets = static_cast<std::uint32_t>(half.size());
    if (sets == 0) return std::nullopt;
    for (auto const index : {pm_first_set(high, sets), pm_second_set(high, sets)})
        for (auto& way : half[index].way) {
            auto const copy = read_session(way);
            if (copy && copy->tag == pm_session_tag(hash) && copy->hash_high == high &&
                matches(*copy, flow, tables))
                return copy;
        }
    return std::nullopt;
}

std::optional<MetSession> find_session(pm_flow const& flow, std::uint64_t hash, FlowTables const& all) {
    MetSession met;
    auto found = find(all.sessions, hash, flow, all.tables);
    if (!found) {
        found = find(all.other_sessions, hash, flow, all.tables);
        met.in_other_half = true;
    }
    if (!found) return std::nullopt;
    met.session = *found;
    auto const& service = all.tables.services[found->service];
    met.idle = all.now - found->last_seen > service.idle_ticks + partner_refresh_ticks &&
               static_cast<std::int32_t>(all.now - found->last_seen) > 0;
    if (found->backend < all.tables.backends.size()) {
        auto const& backend = all.tables.backends[found->backend];
        met.valid = backend.service == found->service && backend.incarnation == found->incarnation;
    }
    return met;
}

/// As service_find in bpf/service.h.
std::uint32_t find_service(pm_flow const& flow, std::span<pm_service_slot const> slots) {
    auto const start = pm_slot_hash(&flow.destination, flow.destination_port, flow.protocol);
    for (std::uint32_t i = 0; i < PM_SLOT_PROBES; ++i) {
        auto const& slot = slots[(start + i) & (slots.size() - 1)];
        if (slot.protocol == 0) return 0;
        if (slot.protocol == flow.protocol && slot.port == flow.destination_port &&
            equal(slot.address, flow.destination))
            return slot.service;
    }
    return 0;
}

std::uint32_t forward_verdict(pm_backend const& backend) {
    return backend.ifindex == 0 ? PM_DROP_NO_NEXT_HOP : PM_FORWARD_TO_BACKEND;
}

/// As open_session in bpf/steer.h, for a SYN or a datagram.
void open(FlowDecision& decision, TableHalf const& tables) {
    auto const& service = tables.services[decision.service];
    decision.slots = service.maglev_size;
    if (decision.slots != 0) {
        decision.slot = pm_scale(static_cast<std::uint32_t>(decision.hash), decision.slots);
        auto const& chunk =
            tables.maglev[decision.service * tables.maglev_chunks + decision.slot / PM_MAGLEV_CHUNK];
        decision.backend = chunk.backend[decision.slot % PM_MAGLEV_CHUNK];
    }
    auto const answers = service.protocol == IPPROTO_TCP && service.on_down != PM_ON_DOWN_DROP;
    if (decision.backend == 0 || decision.backend >= tables.backends.size())
        decision.verdict = answers ? PM_FORWARD_RESET : PM_DROP_NO_BACKEND;
    else
        decision.verdict = forward_verdict(tables.backends[decision.backend]);
}

/// An answer of the backend to a session that is over.
std::uint32_t refuse_backend(pm_session const& session, TableHalf const& tables) {
    auto const& service = tables.services[session.service];
    auto const answers = session.protocol == IPPROTO_TCP && service.on_down != PM_ON_DOWN_DROP;
    return answers ? PM_FORWARD_RESET : PM_DROP_BACKEND_DOWN;
}

/// As continue_session in bpf/steer.h. False when the flow begins anew.
bool continues(MetSession const& met, TableHalf const& tables, FlowDecision& decision) {
    auto const& session = met.session;
    decision.service = session.service;
    decision.backend = session.backend;
    auto const to_client = session.direction == PM_TO_CLIENT;
    auto const lives = met.valid && !met.idle;
    auto const& on_down = tables.services[session.service].on_down;
    if (to_client)
        decision.verdict =
            lives ? static_cast<std::uint32_t>(PM_FORWARD_TO_CLIENT) : refuse_backend(session, tables);
    else if (met.decides())
        decision.verdict = forward_verdict(tables.backends[session.backend]);
    else if (session.protocol == IPPROTO_UDP && on_down == PM_ON_DOWN_DROP)
        decision.verdict = PM_DROP_BACKEND_DOWN;
    else
        decision.backend = 0;
    return decision.verdict != PM_PASS_NOT_OURS;
}

} // namespace

std::uint32_t newest_tick(std::span<pm_counters const> counters) noexcept {
    std::uint64_t now = 0;
    for (auto const& cpu : counters)
        now = std::max<std::uint64_t>(now, cpu.ticks);
    return static_cast<std::uint32_t>(now);
}

FlowTables flow_tables_of(Programs const& programs, Switch const& tables,
                          std::array<__u64, 2> const& hash_key) {
    auto const active = tables.active();
    auto const half = active & PM_ACTIVE_SESSION_HALF ? 1U : 0U;
    return {programs.tables(active & PM_ACTIVE_TABLE_HALF), programs.sessions(half),
            active & PM_ACTIVE_CARRY_OVER ? programs.sessions(1 - half) : SessionHalf{}, hash_key,
            newest_tick(programs.counters())};
}

bool MetSession::decides() const noexcept {
    if (session.direction == PM_TO_CLIENT) return true;
    auto const over =
        session.protocol == IPPROTO_TCP && (session.state & (PM_SESSION_CLOSED | PM_SESSION_CUT));
    return valid && !idle && !over;
}

FlowDecision decide_flow(FlowQuestion const& question, FlowTables const& all) {
    auto const flow = flow_of(question);
    FlowDecision decision;
    decision.hash = pm_flow_hash(&flow, all.hash_key.data());
    auto const high = static_cast<std::uint32_t>(decision.hash >> 32);
    auto const sets = static_cast<std::uint32_t>(all.sessions.size());
    decision.sets[0] = pm_first_set(high, sets);
    decision.sets[1] = pm_second_set(high, sets);
    decision.session = find_session(flow, decision.hash, all);
    decision.verdict = PM_PASS_NOT_OURS;
    if (decision.session && continues(*decision.session, all.tables, decision)) return decision;
    if (!decision.session) decision.service = find_service(flow, all.tables.slots);
    if (decision.service != 0) open(decision, all.tables);
    return decision;
}

} // namespace pointsman
