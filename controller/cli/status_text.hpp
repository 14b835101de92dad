#pragma once

#include <boost/json/object.hpp>
#include <string>

namespace pointsman {

/// pointsman.status/1 as a table for people.
[[nodiscard]] std::string status_text(boost::json::object const& status, bool colour);

/// One audit record as one line for people.
[[nodiscard]] std::string record_text(boost::json::object const& record);

} // namespace pointsman
