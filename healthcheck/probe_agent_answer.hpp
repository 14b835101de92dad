#pragma once

#include "controller/model/state.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace pointsman {

/// What an agent says of its backend in one line (HAProxy, configuration manual, "agent-check").
struct AgentAnswer {
    bool healthy = true; ///< false after down, fail or stopped
    std::optional<AdminState> asks;
    std::optional<unsigned> weight_percent;
    std::string reason; ///< what follows "#"

    friend bool operator==(AgentAnswer const&, AgentAnswer const&) = default;
};

/// Words in any order and case, separated by blanks, tabs or commas: up, down, fail, stopped, ready, drain,
/// maint, "75%" (0-1000); "maxconn:N" is read over. "#" begins the reason. Of words that contradict each
/// other the last one counts. nullopt when the line has no word that it may have, or one that it may not.
[[nodiscard]] std::optional<AgentAnswer> parse_agent_line(std::string_view line);

} // namespace pointsman
