#pragma once

#include "controller/model/desired_state.hpp"
#include "controller/plan/judgement.hpp"
#include "healthcheck/state_machine.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace pointsman {

/// A record lacks a field, or has another thing there. The message names the field.
struct TrailError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// What the audit trail's fields say, as values. All but word_of throw TrailError on another form.

/// A string, or any other value as JSON; empty when there is none.
[[nodiscard]] std::string word_of(boost::json::object const& record, std::string_view key);
[[nodiscard]] boost::json::object const& object_of(boost::json::object const& record, std::string_view key);
[[nodiscard]] boost::json::array const& array_of(boost::json::object const& record, std::string_view key);
[[nodiscard]] std::uint64_t number_of(boost::json::object const& record, std::string_view key,
                                      std::uint64_t largest = UINT64_MAX);
[[nodiscard]] std::chrono::steady_clock::time_point time_of(boost::json::object const& record,
                                                            std::string_view key = "mono_ns");
[[nodiscard]] BackendKey key_of(boost::json::object const& record);
[[nodiscard]] AdminState admin_state_of(std::string_view word);
/// `now` of an order of weight.
[[nodiscard]] unsigned weight_of(boost::json::object const& record);
/// `row_from`: what the first of the probes in evidence found.
[[nodiscard]] HealthState row_of(boost::json::object const& record);
/// An entry of `evidence`, as far as verdicts depend on it.
[[nodiscard]] Outcome outcome_of(boost::json::object const& entry);
[[nodiscard]] Answers answers_of(boost::json::object const& record);

} // namespace pointsman
