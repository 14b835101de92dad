#pragma once

#include "controller/model/desired_state.hpp"
#include "healthcheck/outcome.hpp"

#include <boost/asio/awaitable.hpp>

namespace pointsman {

/// Where and how one probe goes.
struct ProbeTarget {
    Address address;
    std::uint16_t port = 0; ///< host order
    Check check;            ///< type tcp or http; policy.timeout bounds the whole probe

    friend bool operator==(ProbeTarget const&, ProbeTarget const&) = default;
};

/// The probe a backend asks for. Backends that ask for the same probe get equal targets: `check.port` is
/// folded into `port`, and what the type of check does not read is left at its default.
[[nodiscard]] ProbeTarget target_of(Backend const& backend);

/// Runs one probe and reports what it found. Never throws for what the peer or the kernel does; throws
/// boost::system::system_error(operation_aborted) only when its coroutine is cancelled. Memory it uses is
/// bounded whatever the backend sends.
[[nodiscard]] boost::asio::awaitable<Outcome> probe(ProbeTarget target);

/// The two kinds that `probe` chooses from.
[[nodiscard]] boost::asio::awaitable<Outcome> probe_tcp(ProbeTarget target);
[[nodiscard]] boost::asio::awaitable<Outcome> probe_http(ProbeTarget target);

} // namespace pointsman
