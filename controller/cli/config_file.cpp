#include "controller/cli/config_file.hpp"

#include "controller/config/check_files.hpp"
#include "controller/config/host.hpp"

namespace pointsman {

ParsedConfig load_for_this_host(std::string const& path) {
    auto config = load_config(path);
    if (!config.state) return config;
    for (auto& found : check_against_host(*config.state, config.places, read_host_facts()))
        config.diagnostics.push_back(std::move(found));
    for (auto& found : check_files(*config.state, config.places))
        config.diagnostics.push_back(std::move(found));
    if (has_error(config.diagnostics)) config.state.reset();
    return config;
}

} // namespace pointsman
