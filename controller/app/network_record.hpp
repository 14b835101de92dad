#pragma once

#include "controller/model/generation.hpp"

#include <boost/json/object.hpp>

namespace pointsman {

/// Pure. What of the network differs, as fields of a `network` record: the routes that changed (null: gone),
/// and each list that did, whole.
[[nodiscard]] boost::json::object network_json(NetworkView const& was, NetworkView const& now);

/// Pure. The reverse: `was` with what a record says.
/// @throws std::exception when the record has another form.
[[nodiscard]] NetworkView with_network_json(NetworkView was, boost::json::object const& record);

} // namespace pointsman
