#pragma once

#include "controller/model/backend_list.hpp"
#include "controller/plan/plan.hpp"

#include <cstddef>
#include <vector>

namespace pointsman {

/// Is it the service that is configured, so that its id and its sessions stay?
[[nodiscard]] bool same_service(GenerationService const& known, Service const& wanted) noexcept;

/// Likewise, of two backends of one name.
[[nodiscard]] bool same_backend(GenerationBackend const& known, Backend const& wanted) noexcept;

/// Places of the backends of one service that are in the scope; those that it does not have are left out.
[[nodiscard]] std::vector<std::size_t> places_in(PlanScope const& scope, std::string const& service,
                                                 BackendSpan backends);

/// What to look at, or nullptr: everything. A part suffices where the current generation has the same
/// services with, in those of the scope, the same backends: then nobody needs a new id.
[[nodiscard]] PlanScope const* narrowed(PlanInput const& input, Generation const& current);

} // namespace pointsman
