#pragma once

#include "controller/cli/commands.hpp"
#include "controller/cli/control_client.hpp"
#include "controller/model/state.hpp"

#include <boost/json/object.hpp>
#include <expected>
#include <optional>
#include <string>

namespace pointsman {

/// Says on stderr why a request failed. @return the exit code for it.
[[nodiscard]] int report_failure(ControlAnswer const& answer);

/// What a request that changes something came to, in words and as an exit code.
[[nodiscard]] int report(ControlAnswer const& answer);

/// Asks for a JSON object. On failure the reason is on stderr already, and the exit code is returned.
/// @throws Unreachable, std::runtime_error
[[nodiscard]] std::expected<boost::json::object, int> ask_object(CommonOptions const& common,
                                                                 std::string const& method,
                                                                 std::string const& target,
                                                                 std::string const& body = {});

/// "SERVICE/BACKEND". On nullopt the usage is on stderr already.
[[nodiscard]] std::optional<BackendKey> parse_target(std::string const& text);

/// One line of JSON on stdout.
void print_json(boost::json::object const& object);

/// The text of a member, numbers as JSON writes them; empty when there is none or it is null.
[[nodiscard]] std::string field(boost::json::object const& object, std::string_view key);

} // namespace pointsman
