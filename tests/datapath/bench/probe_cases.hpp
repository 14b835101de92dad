#pragma once

#include "tests/datapath/bench/runner.hpp"
#include "tests/datapath/datapath.hpp"

#include <memory>
#include <string>
#include <vector>

struct pm_probe_object;

namespace pointsman::bench {

/// The programs of probes on their services' way (bpf/probe_path.h), which see all other packets of their
/// interfaces too.
class ProbePrograms {
public:
    /// A packet that is none of a probe, at one of the programs.
    struct Case {
        std::string name;
        int program_fd = -1;
        RunnerFrame frame;
    };

    /// @throws DatapathError when the kernel refuses them.
    explicit ProbePrograms(test::Datapath const& datapath, DatapathOptions const& options);

    /// A packet of one of the host's sockets, on its way out: what has none costs less. And one on its way
    /// in.
    [[nodiscard]] std::vector<Case> cases() const;

private:
    struct Destroy {
        void operator()(pm_probe_object* object) const noexcept;
    };

    std::unique_ptr<pm_probe_object, Destroy> object_;
};

} // namespace pointsman::bench
