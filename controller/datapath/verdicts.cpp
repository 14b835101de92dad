#include "controller/datapath/verdicts.hpp"

#include "controller/datapath/abi.hpp"

#include <array>

namespace pointsman {
namespace {

constexpr std::array names{
    VerdictName{PM_PASS_NOT_OURS, "pass_not_ours"},
    VerdictName{PM_PASS_NOT_IPV4, "pass_not_ipv4"},
    VerdictName{PM_PASS_FRAGMENT, "pass_fragment"},
    VerdictName{PM_FORWARD_TO_BACKEND, "forward_to_backend"},
    VerdictName{PM_FORWARD_TO_CLIENT, "forward_to_client"},
    VerdictName{PM_FORWARD_RESET, "forward_reset"},
    VerdictName{PM_DROP_MALFORMED, "drop_malformed"},
    VerdictName{PM_DROP_FRAGMENT, "drop_fragment"},
    VerdictName{PM_DROP_NO_BACKEND, "drop_no_backend"},
    VerdictName{PM_DROP_NO_NEXT_HOP, "drop_no_next_hop"},
    VerdictName{PM_DROP_NO_SESSION, "drop_no_session"},
    VerdictName{PM_DROP_BACKEND_DOWN, "drop_backend_down"},
    VerdictName{PM_DROP_PORTS_EXHAUSTED, "drop_ports_exhausted"},
    VerdictName{PM_DROP_SESSIONS_FULL, "drop_sessions_full"},
    VerdictName{PM_DROP_REWRITE_FAILED, "drop_rewrite_failed"},
};

} // namespace

std::span<VerdictName const> verdict_names() noexcept {
    return names;
}

} // namespace pointsman
