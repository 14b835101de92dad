#pragma once

#include "controller/api/http_server.hpp"
#include "controller/app/health_book.hpp"
#include "controller/app/publisher.hpp"
#include "controller/plan/judgement.hpp"
#include "healthcheck/monitor.hpp"

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace pointsman {

/// What follows from a record for its service.
struct Effect {
    unsigned healthy = 0;
    unsigned total = 0;
    std::optional<std::uint64_t> sessions_on_backend;
    std::string_view policy; ///< on_down
};

[[nodiscard]] boost::json::object effect_json(Effect const& effect);

/// service, backend, address of one backend.
[[nodiscard]] boost::json::object subject_json(GenerationBackend const& backend);

/// The probes that decided: the check, start, duration_us, outcome, errno, status, first_bytes, text.
[[nodiscard]] boost::json::array evidence_json(std::span<JudgedProbe const> evidence,
                                               std::string_view check = {});

/// Of a check before the probes of its evidence: state, and the counts that verdicts go by.
[[nodiscard]] boost::json::object row_json(HealthState const& row);

/// unanswered, answered, confirmed: "service/backend" of each, where there is one.
void add_answers(boost::json::object& out, Answers const& answers);

/// What an outcome says besides its code and duration: errno, status, first_bytes, text, asks,
/// weight_percent, each only when it is there. Raw octets are escaped.
void add_outcome_details(boost::json::object& out, Outcome const& outcome);

/// check, was, now, because, percent, and `lowest`, what counts of all the backend's agents.
void add_wish(boost::json::object& out, NotedProbe const& probe, unsigned lowest);

/// "75 %"; an agent that said nothing wants all of the weight.
[[nodiscard]] std::string percent_text(std::optional<unsigned> percent);

/// Who asked, by the control socket's word.
[[nodiscard]] boost::json::object actor_json(Peer const& peer);

[[nodiscard]] boost::json::array changes_json(std::span<Change const> changes);

/// from, to, slots_moved, prepare_us, commit_us.
[[nodiscard]] boost::json::object generation_json(Published const& published);

} // namespace pointsman
