#pragma once

#include "controller/config/parse.hpp"

namespace pointsman {

/// The file's own problems and, if it is valid, this host's.
[[nodiscard]] ParsedConfig load_for_this_host(std::string const& path);

} // namespace pointsman
