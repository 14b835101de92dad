#include "controller/datapath/flow_decision.hpp"

#include "controller/datapath/counters.hpp"
#include "controller/datapath/session_flow.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>

namespace pointsman {
namespace {

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

template<typename Value>
Value const* entry_at(std::span<Value> table, std::size_t index) noexcept {
    return index < table.size() ? &table[index] : nullptr;
}

/// As session_matches in bpf/session.h.
bool matches(pm_session const& session, pm_flow const& flow, TableHalf const& tables) noexcept {
    auto const its = flow_of(session, tables);
    return its && std::memcmp(&*its, &flow, sizeof(flow)) == 0;
}

/// As session_search in bpf/session.h; in which of its ways an entry stands changes nothing.
std::optional<Session> search(SessionHalf half, std::uint64_t hash, pm_flow const& flow,
                              TableHalf const& tables) {
    auto const high = static_cast<std::uint32_t>(hash >> 32);
    auto const sets = static_cast<std::uint32_t>(half.size());
    if (sets == 0) return std::nullopt;
    for (auto const index : {pm_first_set(high, sets), pm_second_set(high, sets)})
        for (std::size_t way = 0; way < PM_SESSION_WAYS; ++way) {
            auto const copy = read_session(half[index], way);
            if (copy && copy->tag == pm_session_tag(hash) && copy->hash_high == high &&
                matches(*copy, flow, tables))
                return copy;
        }
    return std::nullopt;
}

bool is_idle(Session const& session, FlowTables const& all) noexcept {
    auto const silent = static_cast<std::int32_t>(all.now - session.last_seen); // below 0: newer than `now`
    return silent > 0 && pm_is_idle(static_cast<std::uint32_t>(silent), session.state,
                                    &all.tables.services[session.service]);
}

/// As nat_has_port in bpf/nat_port.h: the NAT port still belongs to this flow.
bool has_port(Session const& session, FlowTables const& all) {
    auto const reply = partner_flow_of(session, all.tables);
    if (!reply) return false;
    auto const hash = pm_flow_hash(&*reply, all.hash_key.data());
    auto holder = search(all.sessions, hash, *reply, all.tables);
    if (!holder) holder = search(all.other_sessions, hash, *reply, all.tables);
    return holder && holder->client_port == session.client_port && holder->service == session.service &&
           holder->service_port == session.service_port && equal(holder->client, session.client);
}

/// As may_have_lost_port in bpf/steer.h, of a half-open flow: closed ones give way to any SYN.
bool has_lost_port(Session const& session, FlowTables const& all) {
    auto const silent = static_cast<std::int32_t>(all.now - session.last_seen);
    auto const may_have =
        session.direction == PM_TO_BACKEND && session.nat_port != 0 &&
        !(session.state & PM_SESSION_ESTABLISHED) &&
        silent > static_cast<std::int64_t>(all.tables.services[session.service].half_open_ticks);
    return may_have && !has_port(session, all);
}

std::optional<MetSession> find_session(pm_flow const& flow, std::uint64_t hash, FlowTables const& all) {
    MetSession met;
    auto found = search(all.sessions, hash, flow, all.tables);
    if (!found) {
        found = search(all.other_sessions, hash, flow, all.tables);
        met.in_other_half = true;
    }
    if (!found) return std::nullopt;
    met.session = *found;
    auto const& backend = all.tables.backends[found->backend];
    met.valid = backend.service == found->service && backend.incarnation == found->incarnation;
    met.idle = is_idle(*found, all);
    met.lost_port = has_lost_port(*found, all);
    return met;
}

/// As service_slot in bpf/service.h.
std::uint32_t find_service(pm_flow const& flow, std::span<pm_service_slot const> slots) noexcept {
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

/// As is_bad_source in bpf/steer.h.
bool is_bad_source(FlowQuestion const& question) noexcept {
    auto const& source = question.source.address;
    auto const& octets = source.octets();
    if (source == question.destination.address) return true;
    if (source.is_v4()) return octets[12] == 0 || octets[12] == 127 || octets[12] >= 224;
    auto const is_zero = [](std::uint8_t octet) { return octet == 0; };
    return octets[0] == 0xff ||
           (std::all_of(octets.begin(), octets.end() - 1, is_zero) && octets.back() <= 1);
}

/// As refuse in bpf/open.h.
std::uint32_t refuse(std::uint8_t protocol, pm_service const& service, std::uint32_t verdict) noexcept {
    auto const answers = protocol == IPPROTO_TCP && service.on_down != PM_ON_DOWN_DROP;
    return answers ? static_cast<std::uint32_t>(PM_FORWARD_RESET) : verdict;
}

/// As to_backend in bpf/forward.h, for a packet that is not too big.
std::uint32_t to_backend(pm_backend const& backend) noexcept {
    return backend.ifindex == 0 ? PM_DROP_NO_NEXT_HOP : PM_FORWARD_TO_BACKEND;
}

/// As to_client in bpf/forward.h.
std::uint32_t to_client(pm_session const& session, TableHalf const& tables) noexcept {
    auto const* const link = entry_at(tables.links, session.link);
    return link && link->ifindex != 0 ? PM_FORWARD_TO_CLIENT : PM_DROP_NO_NEXT_HOP;
}

/// As open_session in bpf/open.h, for a SYN or a datagram.
void open(FlowDecision& decision, TableHalf const& tables) noexcept {
    auto const& service = tables.services[decision.service];
    decision.slots = service.maglev_size;
    if (decision.slots != 0) {
        decision.slot = pm_scale(static_cast<std::uint32_t>(decision.hash), decision.slots);
        auto const& chunk =
            tables.maglev[decision.service * tables.maglev_chunks + decision.slot / PM_MAGLEV_CHUNK];
        decision.backend = chunk.backend[decision.slot % PM_MAGLEV_CHUNK];
    }
    auto const* const backend = entry_at(tables.backends, decision.backend);
    decision.verdict = decision.backend == 0 || !backend
                           ? refuse(service.protocol, service, PM_DROP_NO_BACKEND)
                           : to_backend(*backend);
}

/// As continue_session in bpf/steer.h. False when the flow begins anew.
bool continues(MetSession const& met, TableHalf const& tables, FlowDecision& decision) noexcept {
    auto const& session = met.session;
    auto const& service = tables.services[session.service];
    decision.service = session.service;
    decision.backend = session.backend;
    auto const lives = met.valid && !met.idle;
    if (session.direction == PM_TO_CLIENT)
        decision.verdict =
            lives ? to_client(session, tables) : refuse(session.protocol, service, PM_DROP_BACKEND_DOWN);
    else if (met.decides())
        decision.verdict = to_backend(tables.backends[session.backend]);
    else if (session.protocol == IPPROTO_UDP && !lives && service.on_down == PM_ON_DOWN_DROP)
        decision.verdict = PM_DROP_BACKEND_DOWN;
    else
        decision.backend = 0;
    return decision.verdict != PM_PASS_NOT_OURS;
}

} // namespace

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
    return valid && !idle && !over && !lost_port;
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
    if (!decision.session) {
        decision.service = find_service(flow, all.tables.slots);
        if (decision.service != 0 && is_bad_source(question)) {
            decision.verdict = PM_DROP_SOURCE;
            return decision;
        }
    }
    if (decision.service != 0) open(decision, all.tables);
    return decision;
}

} // namespace pointsman
