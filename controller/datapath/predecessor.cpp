#include "controller/datapath/predecessor.hpp"

#include "controller/datapath/counters.hpp"
#include "controller/datapath/tables_read.hpp"

#include <atomic>

namespace pointsman {
namespace {

std::uint32_t active_word(MappedTables const& maps) {
    return std::atomic_ref{maps.control().active}.load(std::memory_order_acquire);
}

TableHalf active_tables(MappedTables const& maps) {
    return maps.tables(active_word(maps) & PM_ACTIVE_TABLE_HALF);
}

unsigned session_half(std::uint32_t active) {
    return (active & PM_ACTIVE_SESSION_HALF) ? 1 : 0;
}

/// Of a clock that another process read; zero if that lies ahead.
std::chrono::nanoseconds between(std::uint64_t then_ns, std::uint64_t now_ns) {
    return std::chrono::nanoseconds{now_ns > then_ns ? now_ns - then_ns : 0};
}

} // namespace

SessionSnapshot snapshot_of(MappedTables const& maps) {
    auto const tables = active_tables(maps);
    return {maps.sessions(session_half(active_word(maps))),
            {tables.backends.begin(), tables.backends.end()},
            {tables.services.begin(), tables.services.end()},
            newest_tick(maps.counters())};
}

std::optional<Predecessor> read_predecessor(MappedTables const& maps, std::uint64_t ticks_per_second,
                                            std::uint64_t now_ns) {
    auto const& ledger = maps.ledger();
    auto const number = whole_number(active_word(maps) >> PM_ACTIVE_GENERATION_SHIFT, ledger.generation);
    if (number == 0) return std::nullopt;
    Predecessor found;
    found.generation = read_generation(active_tables(maps), number, maps.incarnations(), ticks_per_second);
    for (auto const& [backend, count] : count_sessions(snapshot_of(maps)))
        found.sessions += count;
    found.age = between(ledger.made_ns, now_ns);
    found.unwatched = between(ledger.alive_ns, now_ns);
    found.carrying_over = (active_word(maps) & PM_ACTIVE_CARRY_OVER) != 0;
    return found;
}

/// The half that packets use first: where a session is in both, that one is the newer.
CarryOver take_sessions(MappedTables const& from, SessionHalf to, TableHalf const& tables,
                        SessionConversion const& conversion) {
    ConvertSession fit;
    if (conversion.is_needed()) fit = [&](Session& session) { return convert(session, conversion, tables); };
    auto const active = active_word(from);
    auto result = carry_over(from.sessions(session_half(active)), to, tables.backends, fit);
    if ((active & PM_ACTIVE_CARRY_OVER) == 0) return result;
    auto const rest = carry_over(from.sessions(1 - session_half(active)), to, tables.backends, fit);
    result.carried += rest.carried;
    result.dropped += rest.dropped;
    result.lost += rest.lost;
    result.closed += rest.closed;
    return result;
}

} // namespace pointsman
