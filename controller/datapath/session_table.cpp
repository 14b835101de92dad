#include "controller/datapath/session_table.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>

namespace pointsman {
namespace {

std::atomic_ref<__u32> tag_of(pm_session& session) noexcept {
    return std::atomic_ref<__u32>{session.tag};
}

bool is_valid(pm_session const& session, std::span<pm_backend const> backends) noexcept {
    if ((session.state & PM_SESSION_CUT) || session.backend >= backends.size()) return false;
    auto const& backend = backends[session.backend];
    return backend.service == session.service && backend.incarnation == session.incarnation;
}

/// A copy that was not written to meanwhile; false for an empty or changing entry.
bool read_session(pm_session& session, pm_session& copy) noexcept {
    auto const before = tag_of(session).load(std::memory_order_acquire);
    if (before <= PM_TAG_CLAIMED) return false;
    std::memcpy(&copy, &session, sizeof(copy));
    std::atomic_thread_fence(std::memory_order_acquire);
    return tag_of(session).load(std::memory_order_relaxed) == before && copy.tag == before;
}

/// The ways of a session's two candidate sets, in the order in which all writers look at them.
std::array<pm_session*, 2 * PM_SESSION_WAYS> places_of(pm_session const& session, SessionHalf half) noexcept {
    auto const sets = static_cast<std::uint32_t>(half.size());
    auto& first = half[pm_first_set(session.hash_high, sets)];
    auto& second = half[pm_second_set(session.hash_high, sets)];
    std::array<pm_session*, 2 * PM_SESSION_WAYS> places{};
    for (std::size_t way = 0; way < PM_SESSION_WAYS; ++way) {
        places[way] = &first.way[way];
        places[PM_SESSION_WAYS + way] = &second.way[way];
    }
    return places;
}

/// Equal hashes of 64 bits are taken as equal flows.
bool holds(pm_session& place, pm_session const& session) noexcept {
    return tag_of(place).load(std::memory_order_acquire) == session.tag &&
           place.hash_high == session.hash_high;
}

bool publish(pm_session& place, pm_session const& session) noexcept {
    __u32 expected = PM_TAG_EMPTY;
    if (!tag_of(place).compare_exchange_strong(expected, PM_TAG_CLAIMED)) return false;
    std::memcpy(&place.hash_high, &session.hash_high, sizeof(session) - offsetof(pm_session, hash_high));
    tag_of(place).store(session.tag, std::memory_order_release);
    return true;
}

/// Of several entries of one flow the one in the lowest place stays.
void settle(pm_session const& session, std::span<pm_session* const> places) noexcept {
    pm_session* survivor = nullptr;
    for (auto* const place : places) {
        if (place == survivor || !holds(*place, session)) continue;
        if (!survivor) {
            survivor = place;
            continue;
        }
        auto expected = session.tag;
        tag_of(*place).compare_exchange_strong(expected, PM_TAG_EMPTY);
    }
}

/// `same` is the session's own place in the other half: free, unless the program needed it for a new flow.
/// Null when the halves differ in size.
void carry(pm_session const& session, pm_session* same, SessionHalf to, CarryOver& result) noexcept {
    auto const places = places_of(session, to);
    for (auto* const place : places) {
        if (!holds(*place, session)) continue;
        ++result.present;
        return;
    }
    auto const published = (same && publish(*same, session)) ||
                           std::ranges::any_of(places, [&](auto* place) { return publish(*place, session); });
    if (!published) {
        ++result.lost;
        return;
    }
    std::atomic_thread_fence(std::memory_order_seq_cst);
    settle(session, places);
    ++result.carried;
}

bool is_closed(pm_session const& session) noexcept {
    return (session.state & PM_SESSION_CLOSED) != 0;
}

/// Hands a copy of each entry to `each`, with its set and way.
template<typename Each>
void for_each_session(SessionHalf half, Each each) {
    pm_session copy{};
    for (std::size_t set = 0; set < half.size(); ++set)
        for (std::size_t way = 0; way < PM_SESSION_WAYS; ++way)
            if (read_session(half[set].way[way], copy)) each(copy, set, way);
}

} // namespace

/// Live flows first: closed ones, which only remember that a NAT port is in TIME_WAIT, get what places are
/// left.
CarryOver carry_over(SessionHalf from, SessionHalf to, std::span<pm_backend const> backends) {
    CarryOver result;
    auto const same_place = [&](std::size_t set, std::size_t way) {
        return from.size() == to.size() ? &to[set].way[way] : nullptr;
    };
    for_each_session(from, [&](pm_session const& session, std::size_t set, std::size_t way) {
        if (!is_valid(session, backends))
            ++result.dropped;
        else if (!is_closed(session))
            carry(session, same_place(set, way), to, result);
    });
    CarryOver closed;
    for_each_session(from, [&](pm_session const& session, std::size_t set, std::size_t way) {
        if (is_closed(session) && is_valid(session, backends))
            carry(session, same_place(set, way), to, closed);
    });
    result.closed = closed.carried + closed.present;
    return result;
}

void clear_sessions(SessionHalf half) noexcept {
    std::memset(half.data(), 0, half.size_bytes());
}

std::optional<pm_session> read_session(pm_session& entry) noexcept {
    pm_session copy{};
    return read_session(entry, copy) ? std::optional{copy} : std::nullopt;
}

void for_each_live_session(SessionSnapshot const& snapshot,
                           std::function<void(pm_session const&)> const& each) {
    for_each_session(snapshot.half, [&](pm_session const& session, std::size_t, std::size_t) {
        if (session.direction != PM_TO_BACKEND || is_closed(session) || !is_valid(session, snapshot.backends))
            return;
        auto const silent = static_cast<std::int32_t>(snapshot.now - session.last_seen);
        if (silent <= static_cast<std::int64_t>(snapshot.idle_ticks[session.service])) each(session);
    });
}

SessionCounts count_sessions(SessionSnapshot const& snapshot) {
    SessionCounts counts;
    for_each_live_session(snapshot, [&](pm_session const& session) { ++counts[session.backend]; });
    return counts;
}

} // namespace pointsman
