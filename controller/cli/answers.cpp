#include "controller/cli/answers.hpp"

#include "controller/cli/exit_code.hpp"
#include "controller/cli/terminal.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <stdexcept>

namespace json = boost::json;

namespace pointsman {
namespace {

/// A member of the answer's object, else the answer as it is.
std::string text_of(ControlAnswer const& answer, char const* key) {
    boost::system::error_code error;
    auto const body = json::parse(answer.body, error);
    auto const* object = error ? nullptr : body.if_object();
    auto const* value = object ? object->if_contains(key) : nullptr;
    return value && value->is_string() ? std::string{value->get_string()} : answer.body;
}

} // namespace

int report_failure(ControlAnswer const& answer) {
    auto const message = text_of(answer, "error");
    print(stderr, answer.status == 422 ? message : "pointsman: " + message + "\n");
    if (answer.status == 422) return exit_config_invalid;
    if (answer.status == 409) return exit_refused;
    return answer.status == 400 ? exit_usage : exit_failed;
}

int report(ControlAnswer const& answer) {
    if (answer.status != 200) return report_failure(answer);
    print(stdout, text_of(answer, "result") + "\n");
    return exit_ok;
}

json::object ask_object(CommonOptions const& common, std::string const& method, std::string const& target,
                        std::string const& body) {
    auto answer = ask_daemon(control_path(common), method, target, body);
    if (answer.status != 200) throw RequestFailed{std::move(answer)};
    boost::system::error_code error;
    auto value = json::parse(answer.body, error);
    if (!error && value.is_object()) return std::move(value.as_object());
    throw std::runtime_error{"the daemon answered something that is no JSON object; is it another version?"};
}

std::optional<BackendKey> parse_target(std::string const& text) {
    auto const slash = text.find('/');
    if (slash != std::string::npos && slash != 0 && slash + 1 != text.size())
        return BackendKey{text.substr(0, slash), text.substr(slash + 1)};
    print(stderr, "pointsman: a backend is named SERVICE/BACKEND, not `" + text + "`\n");
    return std::nullopt;
}

void print_json(json::object const& object) {
    print(stdout, json::serialize(object) + "\n");
}

std::string field(json::object const& object, std::string_view key) {
    auto const* value = object.if_contains(key);
    if (!value || value->is_null()) return {};
    return value->is_string() ? std::string{value->get_string()} : json::serialize(*value);
}

} // namespace pointsman
