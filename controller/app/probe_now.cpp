#include "controller/app/probe_now.hpp"

#include "controller/api/text_escape.hpp"
#include "controller/app/health_book.hpp"
#include "controller/app/responses.hpp"
#include "controller/model/endpoint.hpp"
#include "controller/model/names.hpp"
#include "healthcheck/path_fault.hpp"

#include <boost/json/array.hpp>
#include <cstring>

namespace asio = boost::asio;
namespace json = boost::json;

namespace pointsman {
namespace {

/// Steps that were not reached are left out.
json::array steps_json(Outcome const& outcome) {
    json::array steps;
    auto const add = [&](char const* step, std::optional<std::chrono::microseconds> at) {
        if (at) steps.push_back(json::object{{"step", step}, {"at_us", at->count()}});
    };
    add("connect", outcome.steps.connected);
    add("send", outcome.steps.sent);
    add("first_byte", outcome.steps.first_byte);
    add("verdict", outcome.duration);
    return steps;
}

} // namespace

json::object probe_json(BackendKey const& key, ProbeTarget const& target, Outcome const& outcome) {
    json::object out{{"schema", "pointsman.probe/1"},
                     {"service", key.service},
                     {"backend", key.backend},
                     {"target", Endpoint{target.address, target.port}.text()},
                     {"type", name_of(target.check->type)},
                     {"via", way_of(target)},
                     {"passed", outcome.passed()},
                     {"outcome", name_of(outcome.code)},
                     {"because", because_of(outcome)},
                     {"duration_us", outcome.duration.count()},
                     {"steps", steps_json(outcome)}};
    if (outcome.error != 0) {
        out["errno"] = outcome.error;
        out["error"] = std::strerror(outcome.error);
    }
    if (outcome.status != 0) out["status"] = outcome.status;
    if (!outcome.first_bytes.empty()) out["first_bytes"] = escape_octets(outcome.first_bytes);
    return out;
}

asio::awaitable<ApiResponse> probe_now(BackendKey key, ProbeTarget target) {
    auto const outcome = co_await probe(target);
    auto answer = probe_json(key, target, outcome);
    if (target.service) {
        ProbeTarget const straight = directly(target);
        auto const direct = co_await probe(straight);
        answer["direct"] = probe_json(key, straight, direct);
        if (!outcome.passed()) answer["fault"] = name_of(path_fault(direct));
    }
    co_return json_response(answer);
}

} // namespace pointsman
