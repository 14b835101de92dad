#pragma once

#include <boost/json/object.hpp>
#include <string>

namespace pointsman {

// The answers of the daemon as text for people. Pure.

/// pointsman.drops/1.
[[nodiscard]] std::string drops_text(boost::json::object const& drops);

/// pointsman.sessions/1.
[[nodiscard]] std::string sessions_text(boost::json::object const& sessions);

/// pointsman.why/1.
[[nodiscard]] std::string why_text(boost::json::object const& why);

/// pointsman.plan/1.
[[nodiscard]] std::string plan_text(boost::json::object const& plan);

/// pointsman.probe/1.
[[nodiscard]] std::string probe_text(boost::json::object const& probe);

/// Leaves out the verdicts that no packet met.
void keep_counted(boost::json::object& drops);

} // namespace pointsman
