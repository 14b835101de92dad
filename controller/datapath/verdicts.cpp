#include "controller/datapath/verdicts.hpp"

#include "controller/datapath/abi.hpp"

#include <array>

namespace pointsman {
namespace {

constexpr std::array names{
    VerdictName{PM_PASS_NOT_OURS, "pass_not_ours"},
    VerdictName{PM_PASS_FRAGMENT, "pass_fragment"},
    VerdictName{PM_PASS_NOT_IP, "pass_not_ip"},
    VerdictName{PM_PASS_OTHER_HOST, "pass_other_host"},
    VerdictName{PM_PASS_HEADERS, "pass_headers"},
    VerdictName{PM_PASS_FRAGMENT_HELD, "pass_fragment_held"},
    VerdictName{PM_FORWARD_TO_BACKEND, "forward_to_backend"},
    VerdictName{PM_FORWARD_TO_CLIENT, "forward_to_client"},
    VerdictName{PM_FORWARD_RESET, "forward_reset"},
    VerdictName{PM_FORWARD_ICMP_ERROR, "forward_icmp_error"},
    VerdictName{PM_FORWARD_PONG, "forward_pong"},
    VerdictName{PM_FORWARD_TOO_BIG, "forward_too_big"},
    VerdictName{PM_FORWARD_SECOND_CHANCE, "forward_second_chance"},
    VerdictName{PM_DROP_MALFORMED, "drop_malformed"},
    VerdictName{PM_DROP_NO_BACKEND, "drop_no_backend"},
    VerdictName{PM_DROP_NO_NEXT_HOP, "drop_no_next_hop"},
    VerdictName{PM_DROP_NO_SESSION, "drop_no_session"},
    VerdictName{PM_DROP_BACKEND_DOWN, "drop_backend_down"},
    VerdictName{PM_DROP_PORTS_EXHAUSTED, "drop_ports_exhausted"},
    VerdictName{PM_DROP_SESSIONS_FULL, "drop_sessions_full"},
    VerdictName{PM_DROP_REWRITE_FAILED, "drop_rewrite_failed"},
    VerdictName{PM_DROP_TTL, "drop_ttl"},
    VerdictName{PM_DROP_SOURCE, "drop_source"},
    VerdictName{PM_DROP_TOO_BIG, "drop_too_big"},
    VerdictName{PM_DROP_PING, "drop_ping"},
    VerdictName{PM_DROP_REFUSAL, "drop_refusal"},
    VerdictName{PM_DROP_FRAGMENT_AHEAD, "drop_fragment_ahead"},
};

} // namespace

std::span<VerdictName const> verdict_names() noexcept {
    return names;
}

} // namespace pointsman
