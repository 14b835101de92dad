#pragma once

#include <string>
#include <string_view>

namespace pointsman {

/// Printable ASCII as it is, everything else as \xNN, a backslash as \\. For octets that came from a peer.
[[nodiscard]] std::string escape_octets(std::string_view octets);

} // namespace pointsman
