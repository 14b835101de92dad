#pragma once

#include "controller/model/desired_state.hpp"
#include "healthcheck/state_machine.hpp"

#include <boost/json/object.hpp>
#include <chrono>
#include <string>
#include <string_view>

namespace pointsman {

// What the audit trail's fields say, as values. All but word_of throw std::exception on another form.

/// A string, or a number as text; empty when there is none.
[[nodiscard]] std::string word_of(boost::json::object const& record, std::string_view key);
[[nodiscard]] std::chrono::steady_clock::time_point time_of(boost::json::object const& record,
                                                            std::string_view key = "mono_ns");
[[nodiscard]] BackendKey key_of(boost::json::object const& record);
[[nodiscard]] AdminState admin_state_of(std::string_view word);
/// `row_from`: what the first of the probes in evidence found.
[[nodiscard]] HealthState row_of(boost::json::object const& row);
/// An entry of `evidence`, as far as verdicts depend on it.
[[nodiscard]] Outcome outcome_of(boost::json::object const& entry);

} // namespace pointsman
