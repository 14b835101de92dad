#include "controller/datapath/session_list.hpp"

#include <algorithm>
#include <arpa/inet.h>

namespace pointsman {
namespace {

using std::chrono::milliseconds;

milliseconds idle_of(Session const& session, std::uint32_t now, SessionClock const& clock) {
    auto const silent = std::max(static_cast<std::int32_t>(now - session.last_seen), 0);
    return milliseconds{static_cast<std::int64_t>(silent) * 1000 /
                        static_cast<std::int64_t>(clock.ticks_per_second)};
}

milliseconds age_of(pm_session const& session, SessionClock const& clock) {
    constexpr std::uint64_t whole_stamp = (std::uint64_t{1} << 48) - 1;
    auto const opened = std::uint64_t{session.opened_high} << 32 | session.opened_low;
    return milliseconds{static_cast<std::int64_t>((clock.opened_now - opened) & whole_stamp) * 1024 /
                        1'000'000};
}

bool fits(pm_session const& session, SessionFilter const& filter) {
    return (!filter.service || *filter.service == session.service) &&
           (!filter.backend || *filter.backend == session.backend);
}

} // namespace

SessionClock session_clock_now(std::uint64_t ticks_per_second) noexcept {
    auto const now = std::chrono::steady_clock::now().time_since_epoch();
    auto const ns = std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
    return {ticks_per_second, static_cast<std::uint64_t>(ns) >> 10};
}

std::string_view session_state_name(std::uint32_t bits) noexcept {
    if (bits & PM_SESSION_CUT) return "cut";
    if (bits & PM_SESSION_CLOSED) return "closed";
    if (bits & (PM_SESSION_FIN_CLIENT | PM_SESSION_FIN_BACKEND)) return "closing";
    return bits & PM_SESSION_ESTABLISHED ? "established" : "embryonic";
}

SessionList list_sessions(SessionSnapshot const& snapshot, SessionFilter const& filter,
                          SessionClock const& clock) {
    SessionList list;
    for_each_live_session(snapshot, [&](Session const& session) {
        if (!fits(session, filter)) return;
        if (++list.total > filter.limit) return;
        list.sessions.push_back({{from_abi(session.client), ntohs(session.client_port)},
                                 ntohs(session.service_port),
                                 session.service,
                                 session.backend,
                                 session.nat_address,
                                 ntohs(session.nat_port),
                                 session.protocol,
                                 session_state_name(session.state),
                                 idle_of(session, snapshot.now, clock),
                                 age_of(session, clock)});
    });
    return list;
}

} // namespace pointsman
