#include "controller/app/replay_read.hpp"

#include "controller/model/names.hpp"

#include <boost/json/serialize.hpp>
#include <stdexcept>

namespace json = boost::json;

namespace pointsman {
namespace {

template<typename Value>
Value one_of(std::initializer_list<Value> values, std::string_view word) {
    for (auto const value : values)
        if (name_of(value) == word) return value;
    throw std::invalid_argument{"unknown word " + std::string{word}};
}

unsigned count_of(json::object const& row, std::string_view key) {
    auto const* count = row.if_contains(key);
    return count ? count->to_number<unsigned>() : 0;
}

} // namespace

std::string word_of(json::object const& record, std::string_view key) {
    auto const* value = record.if_contains(key);
    if (!value) return {};
    return value->is_string() ? std::string{value->get_string()} : json::serialize(*value);
}

std::chrono::steady_clock::time_point time_of(json::object const& record, std::string_view key) {
    return std::chrono::steady_clock::time_point{
        std::chrono::nanoseconds{record.at(key).to_number<std::int64_t>()}};
}

BackendKey key_of(json::object const& record) {
    return {word_of(record, "service"), word_of(record, "backend")};
}

AdminState admin_state_of(std::string_view word) {
    return one_of({AdminState::ready, AdminState::drain, AdminState::maint}, word);
}

HealthState row_of(json::object const& row) {
    HealthState state;
    state.state =
        one_of({MeasuredState::unknown, MeasuredState::up, MeasuredState::down, MeasuredState::draining},
               word_of(row, "state"));
    state.passed_in_row = count_of(row, "passed");
    state.failed_in_row = count_of(row, "failed");
    state.history = count_of(row, "history");
    return state;
}

Outcome outcome_of(json::object const& entry) {
    Outcome outcome;
    using enum OutcomeCode;
    outcome.code = one_of({L4OK, L4CON, L4TOUT, L6OK, L6RSP, L6TOUT, L7OK, L7STS, L7RSP, L7TOUT, OWN},
                          word_of(entry, "outcome"));
    if (auto const* error = entry.if_contains("errno")) outcome.error = error->to_number<int>();
    if (entry.contains("asks")) outcome.asks = admin_state_of(word_of(entry, "asks"));
    return outcome;
}

} // namespace pointsman
