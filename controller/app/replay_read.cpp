#include "controller/app/replay_read.hpp"

#include "controller/model/names.hpp"

#include <boost/json/serialize.hpp>
#include <charconv>

namespace json = boost::json;

namespace pointsman {
namespace {

json::value const& field(json::object const& record, std::string_view key) {
    if (auto const* value = record.if_contains(key)) return *value;
    throw TrailError{"the field `" + std::string{key} + "` is missing"};
}

[[noreturn]] void refuse(std::string_view key, std::string_view what) {
    throw TrailError{"the field `" + std::string{key} + "` is no " + std::string{what}};
}

template<typename Value>
Value one_of(std::initializer_list<Value> values, std::string_view key, std::string_view word) {
    for (auto const value : values)
        if (name_of(value) == word) return value;
    throw TrailError{"the field `" + std::string{key} + "` has the unknown word \"" + std::string{word} +
                     "\""};
}

unsigned count_of(json::object const& row, std::string_view key) {
    return row.contains(key) ? static_cast<unsigned>(number_of(row, key, UINT32_MAX)) : 0;
}

std::set<BackendKey> keys_of(json::object const& record, std::string_view key) {
    std::set<BackendKey> keys;
    if (!record.contains(key)) return keys;
    for (auto const& entry : array_of(record, key)) {
        if (!entry.is_string()) refuse(key, "list of backends");
        std::string_view const text = entry.get_string();
        auto const slash = std::min(text.find('/'), text.size() - 1);
        keys.insert({std::string{text.substr(0, slash)}, std::string{text.substr(slash + 1)}});
    }
    return keys;
}

} // namespace

std::string word_of(json::object const& record, std::string_view key) {
    auto const* value = record.if_contains(key);
    if (!value) return {};
    return value->is_string() ? std::string{value->get_string()} : json::serialize(*value);
}

json::object const& object_of(json::object const& record, std::string_view key) {
    auto const& value = field(record, key);
    if (!value.is_object()) refuse(key, "object");
    return value.get_object();
}

json::array const& array_of(json::object const& record, std::string_view key) {
    auto const& value = field(record, key);
    if (!value.is_array()) refuse(key, "list");
    return value.get_array();
}

std::uint64_t number_of(json::object const& record, std::string_view key, std::uint64_t largest) {
    boost::system::error_code error;
    auto const number = field(record, key).to_number<std::uint64_t>(error);
    if (error || number > largest) refuse(key, "number from 0 to " + std::to_string(largest));
    return number;
}

std::chrono::steady_clock::time_point time_of(json::object const& record, std::string_view key) {
    constexpr std::uint64_t century = 100ULL * 366 * 24 * 3600 * 1'000'000'000;
    return std::chrono::steady_clock::time_point{
        std::chrono::nanoseconds{static_cast<std::int64_t>(number_of(record, key, century))}};
}

BackendKey key_of(json::object const& record) {
    return {word_of(record, "service"), word_of(record, "backend")};
}

AdminState admin_state_of(std::string_view word) {
    return one_of({AdminState::ready, AdminState::drain, AdminState::maint}, "order", word);
}

unsigned weight_of(json::object const& record) {
    constexpr unsigned largest = 65535;
    auto const word = word_of(record, "now");
    unsigned weight = 0;
    auto const read = std::from_chars(word.data(), word.data() + word.size(), weight);
    if (read.ec != std::errc{} || *read.ptr != 0 || weight > largest) refuse("now", "weight from 0 to 65535");
    return weight;
}

HealthState row_of(json::object const& record) {
    auto const& row = object_of(record, "row_from");
    using enum MeasuredState;
    HealthState state;
    state.state = one_of({unknown, up, down, draining, resting}, "row_from.state", word_of(row, "state"));
    state.passed_in_row = count_of(row, "passed");
    state.failed_in_row = count_of(row, "failed");
    state.history = count_of(row, "history");
    return state;
}

Outcome outcome_of(json::object const& entry) {
    using enum OutcomeCode;
    Outcome outcome;
    outcome.code = one_of({L4OK, L4CON, L4TOUT, L6OK, L6RSP, L6TOUT, L7OK, L7STS, L7RSP, L7TOUT, OWN},
                          "evidence.outcome", word_of(entry, "outcome"));
    if (entry.contains("errno")) outcome.error = static_cast<int>(number_of(entry, "errno", INT32_MAX));
    if (entry.contains("asks")) outcome.asks = admin_state_of(word_of(entry, "asks"));
    if (entry.contains("weight_percent"))
        outcome.weight_percent = static_cast<unsigned>(number_of(entry, "weight_percent", UINT16_MAX));
    return outcome;
}

Answers answers_of(json::object const& record) {
    return {keys_of(record, "unanswered"), keys_of(record, "answered"), keys_of(record, "confirmed")};
}

} // namespace pointsman
