#pragma once

#include "controller/config/host.hpp"
#include "controller/datapath/interfaces.hpp"
#include "controller/model/generation.hpp"

#include <optional>
#include <set>
#include <string>

namespace pointsman {

/// One of this host's addresses with the network behind it.
struct HostAddress {
    std::string interface;
    Address address;
    unsigned prefix = 0; ///< bits, of the address in its own family

    friend bool operator==(HostAddress const&, HostAddress const&) = default;
};

/// All of this host that matters to a configuration. What cannot be read is left at its default.
struct DoctorFacts {
    unsigned kernel_major = 0;
    unsigned kernel_minor = 0;
    bool bpffs_mounted = false;      ///< the parent of daemon.bpffs
    std::set<unsigned> capabilities; ///< effective ones of this process, by number
    bool membarrier_global = true;   ///< refused by kernels with nohz_full
    bool clock_synchronized = true;
    std::uint64_t memory_available = 0; ///< octets; 0: unknown
    std::uint64_t conntrack_count = 0;
    std::uint64_t conntrack_max = 0; ///< 0: no connection tracking
    HostFacts host;
    std::vector<Interface> interfaces;
    std::map<std::string, std::string> xdp;              ///< name of the program, by interface
    std::map<std::string, std::vector<std::string>> tcx; ///< names of the programs on ingress, by interface
    std::vector<HostAddress> addresses;
    std::map<Address, Route> routes; ///< by backend address
};

/// Reads them. Asks the kernel to resolve the backends' neighbours and waits up to a second for that.
[[nodiscard]] DoctorFacts read_doctor_facts(DesiredState const& desired);

} // namespace pointsman
