#include "healthcheck/outcome.hpp"

#include <utility>

namespace pointsman {

std::string_view name_of(OutcomeCode code) noexcept {
    switch (code) {
    case OutcomeCode::L4OK: return "L4OK";
    case OutcomeCode::L4CON: return "L4CON";
    case OutcomeCode::L4TOUT: return "L4TOUT";
    case OutcomeCode::L6OK: return "L6OK";
    case OutcomeCode::L6RSP: return "L6RSP";
    case OutcomeCode::L6TOUT: return "L6TOUT";
    case OutcomeCode::L7OK: return "L7OK";
    case OutcomeCode::L7STS: return "L7STS";
    case OutcomeCode::L7RSP: return "L7RSP";
    case OutcomeCode::L7TOUT: return "L7TOUT";
    case OutcomeCode::OWN: return "OWN";
    }
    std::unreachable();
}

} // namespace pointsman
