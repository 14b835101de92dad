#include "healthcheck/probe_exec_result.hpp"

#include <string>
#include <sys/wait.h>

namespace pointsman {

namespace {

std::string first_line(std::string_view output) {
    auto line = output.substr(0, output.find('\n'));
    if (line.ends_with('\r')) line.remove_suffix(1);
    return std::string{line.substr(0, outcome_text_limit)};
}

} // namespace

Outcome exec_outcome(int status, std::string_view output) {
    Outcome outcome{OutcomeCode::L7OK};
    outcome.text = first_line(output);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return outcome;
    outcome.code = OutcomeCode::L7STS;
    outcome.status = WIFEXITED(status) ? static_cast<unsigned>(WEXITSTATUS(status)) : 0;
    if (!outcome.text.empty()) return outcome;
    outcome.text = WIFEXITED(status) ? "exit code " + std::to_string(WEXITSTATUS(status))
                                     : "ended by signal " + std::to_string(WTERMSIG(status));
    return outcome;
}

Outcome exec_timeout(std::string_view output) {
    Outcome outcome{OutcomeCode::L7TOUT};
    outcome.text = first_line(output);
    if (outcome.text.empty()) outcome.text = "killed at the deadline";
    return outcome;
}

} // namespace pointsman
