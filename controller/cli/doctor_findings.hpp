#pragma once

#include "controller/cli/doctor_facts.hpp"

#include <boost/json/object.hpp>
#include <vector>

namespace pointsman {

using CommandWords = std::vector<std::string>;

/// Something that this host lacks, or an all-clear.
struct Finding {
    enum class Severity : std::uint8_t {
        ok,
        warning,
        error
    }; ///< error: the daemon does not start, or a service does not work

    std::string check; ///< one word: kernel, bpffs, interface, …
    Severity severity = Severity::ok;
    std::string what;
    std::string why;      ///< it matters; empty when all is well
    std::string fix;      ///< what to do, a command where there is one
    CommandWords apply{}; ///< the same as a command that --apply may run; empty: it is for a person to decide
    CommandWords undo{};  ///< takes it back

    friend bool operator==(Finding const&, Finding const&) = default;
};

/// Pure. Every check in a fixed order, those that pass included.
[[nodiscard]] std::vector<Finding> examine(DesiredState const& desired, DoctorFacts const& facts);

[[nodiscard]] bool has_errors(std::vector<Finding> const& findings);

/// pointsman.doctor/1
[[nodiscard]] boost::json::object findings_json(std::vector<Finding> const& findings);
[[nodiscard]] std::string findings_text(std::vector<Finding> const& findings);

} // namespace pointsman
