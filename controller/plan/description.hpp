#pragma once

#include "controller/model/key_cursor.hpp"
#include "controller/plan/plan.hpp"

#include <vector>

namespace pointsman {

/// What a backend is to be by configuration, orders, rulings and the network, its flows' treatment aside.
/// Quickest when backends are described in the order of their keys.
class Description {
public:
    /// @param nat_addresses of the next generation: those of each described backend are added side by side.
    Description(PlanInput const& input, std::vector<Address>& nat_addresses)
        : input_{input}
        , nat_addresses_{nat_addresses}
        , measured_{input.measured}
        , admin_{input.admin}
        , adjust_{input.adjust} {}

    /// @param before the same backend in the current generation, or nullptr.
    /// @return all but the ids, the incarnation and the treatment.
    [[nodiscard]] GenerationBackend describe(Service const& service, Backend const& wanted, BackendKey key,
                                             GenerationBackend const* before);

private:
    void describe_way(Forward forward, GenerationBackend& backend, GenerationBackend const* before);
    void describe_sources(Forward forward, GenerationBackend& backend) const;
    void keep_side_by_side(std::vector<Address> const& wanted);

    PlanInput const& input_;
    std::vector<Address>& nat_addresses_;
    KeyCursor<BackendKey, MeasuredState> measured_;
    KeyCursor<BackendKey, AdminState> admin_;
    KeyCursor<BackendKey, Adjustment> adjust_;
};

} // namespace pointsman
