#pragma once

#include "controller/app/datapath_host.hpp"
#include "controller/datapath/probe_path.hpp"
#include "controller/model/generation.hpp"
#include "healthcheck/probe_way.hpp"

#include <functional>
#include <memory>
#include <set>
#include <string>

namespace pointsman {

/// Pure. The interfaces where probes on their services' way leave and their answers arrive: empty when no
/// check of `desired` wants that way.
[[nodiscard]] std::set<std::uint32_t> probe_interfaces(DesiredState const& desired, NetworkView const& view);

/// Pure. Every probe goes directly.
[[nodiscard]] DesiredState probed_directly(DesiredState desired);

/// Pure. Longest TCP segment that reaches a backend in one packet of its tunnel; 0: the route's own is right.
[[nodiscard]] unsigned segment_in_tunnel(GenerationService const& service,
                                         GenerationBackend const& backend) noexcept;

/// The probes' own programs in the kernel, loaded as long as a check wants them.
class ServiceWay : public ProbeWay {
public:
    explicit ServiceWay(std::function<Generation const&()> generation) : generation_{std::move(generation)} {}

    /// Loads, attaches or removes what these need. @return whether problem() has changed.
    bool follow(DesiredState const& desired, NetworkView const& view, DatapathHost const& datapath);

    /// Why probes go directly although they are to take their services' way; empty: they take it.
    [[nodiscard]] std::string const& problem() const noexcept { return problem_; }

    /// Takes the programs off.
    void end() noexcept { path_.reset(); }

    [[nodiscard]] boost::system::error_code enter(ProbeTarget const& target,
                                                  ProbeEntry const& entry) noexcept override;
    void leave(ProbeTarget const& target, ProbeEntry const& entry) noexcept override;

private:
    std::function<Generation const&()> generation_;
    std::unique_ptr<ProbePath> path_;
    std::string problem_;
};

} // namespace pointsman
