#pragma once

#include "controller/model/state.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace pointsman {

/// What an agent says of its backend in one line (HAProxy, configuration manual, "agent-check").
struct AgentAnswer {
    std::optional<bool> healthy{}; ///< up; false: down, fail or stopped
    std::optional<AdminState> asks{};
    std::optional<unsigned> weight_percent{};
    std::string reason{};  ///< what follows "#"
    std::string ignored{}; ///< the first word that is none of an agent's

    friend bool operator==(AgentAnswer const&, AgentAnswer const&) = default;
};

/// Words in any order and case, separated by blanks, tabs or commas: up, down, fail, stopped, ready, drain,
/// maint, "75%" (0-65535); "maxconn:N" is read over, and so is any other word. "#" begins the reason. Of
/// words that contradict each other the last one counts. nullopt when the line has no word of an agent's.
[[nodiscard]] std::optional<AgentAnswer> parse_agent_line(std::string_view line);

} // namespace pointsman
