#include "controller/app/responses.hpp"

#include <boost/json/serialize.hpp>

namespace json = boost::json;

namespace pointsman {

ApiResponse failure(unsigned status, std::string_view text) {
    return {status, "application/json", json::serialize(json::object{{"error", text}}) + "\n"};
}

ApiResponse json_response(json::object const& body) {
    return {200, "application/json", json::serialize(body) + "\n"};
}

ApiResponse to_response(Answer const& answer) {
    switch (answer.kind) {
    case Answer::Kind::done: return json_response({{"result", answer.text}});
    case Answer::Kind::invalid: return failure(422, answer.text);
    case Answer::Kind::refused: return failure(409, answer.text);
    case Answer::Kind::unknown: return failure(404, answer.text);
    }
    return failure(500, "no such kind");
}

} // namespace pointsman
