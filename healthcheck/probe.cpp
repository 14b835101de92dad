#include "healthcheck/probe.hpp"

#include <utility>

namespace pointsman {

ProbeTarget target_of(Backend const& backend) {
    ProbeTarget target{backend.address, backend.check.port.value_or(backend.port), backend.check};
    target.check.port.reset();
    if (target.check.type != CheckType::http) {
        target.check = Check{};
        target.check.type = backend.check.type;
        target.check.policy = backend.check.policy;
    }
    return target;
}

boost::asio::awaitable<Outcome> probe(ProbeTarget target) {
    return target.check.type == CheckType::http ? probe_http(std::move(target))
                                                : probe_tcp(std::move(target));
}

} // namespace pointsman
