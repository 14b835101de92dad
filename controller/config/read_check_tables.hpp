#pragma once

#include "controller/config/table_reader.hpp"
#include "controller/model/desired_state.hpp"

#include <string>
#include <vector>

namespace pointsman {

/// The checks of a service: of its [service.check] or its [[service.check]] tables, each laid over
/// `inherited`; without any, `inherited` alone. Never empty.
[[nodiscard]] std::vector<Check> read_service_checks(toml::table const& service, std::string const& owner,
                                                     Check const& inherited, Problems& problems);

/// The checks of a backend: `inherited`, over which each [service.backend.check] lays itself. It means the
/// check of the same name or, when it has no name, the only one. A name that the service does not know is one
/// check more.
[[nodiscard]] std::vector<Check> read_backend_checks(toml::table const& backend, std::string const& owner,
                                                     std::vector<Check> inherited, Problems& problems);

} // namespace pointsman
