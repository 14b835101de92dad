#pragma once

#include "controller/model/desired_state.hpp"
#include "controller/model/state.hpp"
#include "healthcheck/outcome.hpp"

#include <boost/asio/awaitable.hpp>

namespace pointsman {

/// Where and how one probe goes.
struct ProbeTarget {
    Address address;
    std::uint16_t port = 0; ///< host order
    Check check;            ///< any type but none; policy.timeout bounds the whole probe
    BackendKey backend{};   ///< exec: for its environment; else empty

    friend bool operator==(ProbeTarget const&, ProbeTarget const&) = default;
};

/// The probe that a check of a backend asks for. Backends that ask for the same probe get equal targets:
/// `check.port` is folded into `port`, and its name and what the type of check does not read are left at
/// their defaults.
[[nodiscard]] ProbeTarget target_of(std::string const& service, Backend const& backend, Check const& check);

/// Runs one probe and reports what it found. Never throws for what the peer or the kernel does; throws
/// boost::system::system_error(operation_aborted) only when its coroutine is cancelled. Memory it uses is
/// bounded whatever the backend sends.
[[nodiscard]] boost::asio::awaitable<Outcome> probe(ProbeTarget target);

/// The kinds that `probe` chooses from.
[[nodiscard]] boost::asio::awaitable<Outcome> probe_tcp(ProbeTarget target);
[[nodiscard]] boost::asio::awaitable<Outcome> probe_http(ProbeTarget target); ///< https too
[[nodiscard]] boost::asio::awaitable<Outcome> probe_udp(ProbeTarget target);
[[nodiscard]] boost::asio::awaitable<Outcome> probe_grpc(ProbeTarget target);
[[nodiscard]] boost::asio::awaitable<Outcome> probe_exec(ProbeTarget target);
[[nodiscard]] boost::asio::awaitable<Outcome> probe_agent(ProbeTarget target);

} // namespace pointsman
