#include "controller/datapath/session_table.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>

namespace pointsman {
namespace {

/// Where an entry is.
struct Place {
    pm_session_set* set = nullptr;
    std::size_t way = 0;

    [[nodiscard]] std::atomic_ref<__u32> tag() const noexcept { return std::atomic_ref{set->tag[way]}; }
    friend bool operator==(Place const&, Place const&) = default;
};

bool is_valid(Session const& session, std::span<pm_backend const> backends) noexcept {
    if ((session.state & PM_SESSION_CUT) || session.backend >= backends.size()) return false;
    auto const& backend = backends[session.backend];
    return backend.service == session.service && backend.incarnation == session.incarnation;
}

/// A session's two candidate sets, in the order in which all writers look at them.
std::array<Place, 2 * PM_SESSION_WAYS> places_of(Session const& session, SessionHalf half) noexcept {
    auto const sets = static_cast<std::uint32_t>(half.size());
    auto& first = half[pm_first_set(session.hash_high, sets)];
    auto& second = half[pm_second_set(session.hash_high, sets)];
    std::array<Place, 2 * PM_SESSION_WAYS> places;
    for (std::size_t way = 0; way < PM_SESSION_WAYS; ++way) {
        places[way] = {&first, way};
        places[PM_SESSION_WAYS + way] = {&second, way};
    }
    return places;
}

/// Equal hashes of 64 bits are taken as equal flows.
bool holds(Place const& place, Session const& session) noexcept {
    return place.tag().load(std::memory_order_acquire) == session.tag &&
           place.set->hash_high[place.way] == session.hash_high;
}

bool publish(Place const& place, Session const& session) noexcept {
    __u32 expected = PM_TAG_EMPTY;
    if (!place.tag().compare_exchange_strong(expected, PM_TAG_CLAIMED)) return false;
    write_session(*place.set, place.way, session);
    return true;
}

/// Of several entries of one flow the one in the lowest place stays.
void settle(Session const& session, std::span<Place const> places) noexcept {
    Place survivor;
    for (auto const& place : places) {
        if (place == survivor || !holds(place, session)) continue;
        if (!survivor.set) {
            survivor = place;
            continue;
        }
        auto expected = session.tag;
        place.tag().compare_exchange_strong(expected, PM_TAG_EMPTY);
    }
}

/// `same` is the session's own place in the other half: free, unless the program needed it for a new flow.
/// None when the halves differ.
void carry(Session const& session, Place const& same, SessionHalf to, CarryOver& result) noexcept {
    auto const places = places_of(session, to);
    for (auto const& place : places) {
        if (!holds(place, session)) continue;
        ++result.present;
        return;
    }
    auto const published =
        (same.set && publish(same, session)) ||
        std::ranges::any_of(places, [&](auto const& place) { return publish(place, session); });
    if (!published) {
        ++result.lost;
        return;
    }
    settle(session, places);
    ++result.carried;
}

bool is_closed(Session const& session) noexcept {
    return (session.state & PM_SESSION_CLOSED) != 0;
}

/// Hands a copy of each entry to `each`, with its set and way.
template<typename Each>
void for_each_session(SessionHalf half, Each each) {
    for (std::size_t set = 0; set < half.size(); ++set)
        for (std::size_t way = 0; way < PM_SESSION_WAYS; ++way)
            if (auto const session = read_session(half[set], way)) each(*session, set, way);
}

} // namespace

std::optional<Session> read_session(pm_session_set& set, std::size_t way) noexcept {
    Place const place{&set, way};
    auto const tag = place.tag().load(std::memory_order_acquire);
    if (tag <= PM_TAG_CLAIMED) return {};
    Session const session{set.way[way], tag, set.hash_high[way], set.last_seen[way], set.state[way]};
    std::atomic_thread_fence(std::memory_order_acquire);
    if (place.tag().load(std::memory_order_relaxed) != tag) return {}; // written to meanwhile
    return session;
}

void write_session(pm_session_set& set, std::size_t way, Session const& session) noexcept {
    set.hash_high[way] = session.hash_high;
    set.last_seen[way] = session.last_seen;
    set.state[way] = session.state;
    set.way[way] = session;
    Place{&set, way}.tag().store(session.tag, std::memory_order_release);
    std::atomic_thread_fence(std::memory_order_seq_cst); // of two writers at least one then sees the other's
}

/// Live flows first: closed ones, which only remember that a NAT port is in TIME_WAIT, get what places are
/// left.
CarryOver carry_over(SessionHalf from, SessionHalf to, std::span<pm_backend const> backends,
                     ConvertSession const& convert) {
    auto const keeps_places = from.size() == to.size() && !convert;
    auto const carry_those = [&](bool closed) {
        CarryOver result;
        for_each_session(from, [&](Session session, std::size_t set, std::size_t way) {
            if ((convert && !convert(session)) || !is_valid(session, backends))
                ++result.dropped;
            else if (is_closed(session) == closed)
                carry(session, keeps_places ? Place{&to[set], way} : Place{}, to, result);
        });
        return result;
    };
    auto result = carry_those(false);
    auto const closed = carry_those(true);
    result.closed = closed.carried + closed.present;
    return result;
}

void clear_sessions(SessionHalf half) noexcept {
    std::memset(half.data(), 0, half.size_bytes());
}

void for_each_live_session(SessionSnapshot const& snapshot, std::function<void(Session const&)> const& each) {
    for_each_session(snapshot.half, [&](Session const& session, std::size_t, std::size_t) {
        if (session.direction != PM_TO_BACKEND || is_closed(session) || !is_valid(session, snapshot.backends))
            return;
        auto const silent = static_cast<std::int32_t>(snapshot.now - session.last_seen);
        auto const limit = pm_idle_limit(session.state, &snapshot.services[session.service]);
        if (silent <= static_cast<std::int64_t>(limit)) each(session);
    });
}

SessionCounts count_sessions(SessionSnapshot const& snapshot) {
    SessionCounts counts;
    for_each_live_session(snapshot, [&](Session const& session) { ++counts[session.backend]; });
    return counts;
}

} // namespace pointsman
