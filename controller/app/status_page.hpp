#pragma once

#include <boost/json/object.hpp>
#include <string>

namespace pointsman {

/// An HTML page for people, without scripts, that loads itself anew every few seconds.
/// @param status of the form pointsman.status/1
[[nodiscard]] std::string status_page(boost::json::object const& status);

} // namespace pointsman
