#pragma once

#include "controller/datapath/tables.hpp"

#include <optional>

namespace pointsman {

/// What the packets of a session look like on the wire, as session_matches in bpf/session.h compares them.
/// @return nothing for a session of a service, backend or NAT address that the tables do not have.
[[nodiscard]] std::optional<pm_flow> flow_of(pm_session const& session, TableHalf const& tables) noexcept;

/// The flow of its partner: the same session in the other direction.
[[nodiscard]] std::optional<pm_flow> partner_flow_of(pm_session session, TableHalf const& tables) noexcept;

} // namespace pointsman
