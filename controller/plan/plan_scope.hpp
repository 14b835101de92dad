#pragma once

#include "controller/model/backend_list.hpp"
#include "controller/plan/plan.hpp"

#include <cstddef>
#include <optional>
#include <vector>

namespace pointsman {

/// Is it the service that is configured, so that its id and its sessions stay?
[[nodiscard]] bool same_service(GenerationService const& known, Service const& wanted) noexcept;

/// Likewise, of two backends of one name.
[[nodiscard]] bool same_backend(GenerationBackend const& known, Backend const& wanted) noexcept;

/// Where the backends of a scope stand among those of their services.
class PlaceSearch {
public:
    explicit PlaceSearch(PlanScope const& scope) : scope_{scope} {}

    /// Places among the backends of one service; those that it does not have are left out.
    [[nodiscard]] std::vector<std::size_t> places_in(std::string const& service, BackendSpan backends);

private:
    [[nodiscard]] std::optional<std::size_t> place_of(BackendKey const& key, BackendSpan backends);

    PlanScope const& scope_;
    std::size_t last_ = 0; ///< services that share their backends have each of them at the same place
};

/// What to look at, or nullptr: everything. A part suffices where the current generation has the same
/// services with, in those of the scope, the same backends: then nobody needs a new id.
[[nodiscard]] PlanScope const* narrowed(PlanInput const& input, Generation const& current);

} // namespace pointsman
