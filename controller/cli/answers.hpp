#pragma once

#include "controller/cli/commands.hpp"
#include "controller/cli/control_client.hpp"
#include "controller/model/state.hpp"

#include <boost/json/object.hpp>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace pointsman {

/// Says on stderr why a request failed. @return the exit code for it.
[[nodiscard]] int report_failure(ControlAnswer const& answer);

/// What a request that changes something came to, in words and as an exit code.
[[nodiscard]] int report(ControlAnswer const& answer);

/// The daemon refused a request; report_failure() says why.
class RequestFailed : public std::exception {
public:
    explicit RequestFailed(ControlAnswer answer) : answer_{std::move(answer)} {}

    [[nodiscard]] char const* what() const noexcept override { return answer_.body.c_str(); }
    [[nodiscard]] ControlAnswer const& answer() const noexcept { return answer_; }

private:
    ControlAnswer answer_;
};

/// The file that says where the daemon is cannot be used; what() is the whole text for stderr.
class ConfigInvalid : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Asks for a JSON object.
/// @throws ConfigInvalid, RequestFailed, Unreachable, std::runtime_error
[[nodiscard]] boost::json::object ask_object(CommonOptions const& common, std::string const& method,
                                             std::string const& target, std::string const& body = {});

/// "SERVICE/BACKEND". On nullopt the usage is on stderr already.
[[nodiscard]] std::optional<BackendKey> parse_target(std::string const& text);

/// One line of JSON on stdout.
void print_json(boost::json::object const& object);

/// The text of a member, numbers as JSON writes them; empty when there is none or it is null.
[[nodiscard]] std::string field(boost::json::object const& object, std::string_view key);

} // namespace pointsman
