#pragma once

#include "controller/model/desired_state.hpp"
#include "controller/model/state.hpp"
#include "healthcheck/outcome.hpp"

#include <boost/asio/awaitable.hpp>

#include <string_view>

namespace pointsman {

/// Where and how one probe goes.
struct ProbeTarget {
    Address address;
    std::uint16_t port = 0; ///< host order
    Shared<Check> check;    ///< any type but none; policy.timeout bounds the whole probe
    BackendKey backend{};   ///< exec: for its environment; on its service's way: whose; else empty
    /// The service's address, if the probe goes as the service's packets do; `address` is dialled all the
    /// same.
    std::optional<Address> service{};

    friend bool operator==(ProbeTarget const&, ProbeTarget const&) = default;
};

/// Pure. Whether the probes of a check go as the service's packets do, so that they see what traffic sees:
/// unless it is said, those that speak to the service's own port, where packets reach backends unchanged. Not
/// to a backend of the other family, whose address the service's family cannot dial.
[[nodiscard]] bool takes_service_way(Service const& service, Backend const& backend,
                                     Check const& check) noexcept;

/// The probe that a check of a backend asks for. Backends that ask for the same probe get equal targets:
/// `check.port` is folded into `port`, and its name and what the type of check does not read are left at
/// their defaults. On their services' way, each backend of each service has its own.
[[nodiscard]] ProbeTarget target_of(Service const& service, Backend const& backend, Check const& check);

/// "service" or "direct".
[[nodiscard]] std::string_view way_of(ProbeTarget const& target) noexcept;

/// The same probe, straight to the backend.
[[nodiscard]] ProbeTarget directly(ProbeTarget target);

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
