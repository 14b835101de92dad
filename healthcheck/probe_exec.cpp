#include "healthcheck/child_process.hpp"
#include "healthcheck/probe.hpp"
#include "healthcheck/probe_deadline.hpp"
#include "healthcheck/probe_exec_result.hpp"
#include "healthcheck/probe_socket.hpp"

#include <boost/asio/this_coro.hpp>

namespace pointsman {

namespace asio = boost::asio;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

namespace {

std::vector<std::string> environment_of(ProbeTarget const& target) {
    return {"POINTSMAN_SERVICE=" + target.backend.service, "POINTSMAN_BACKEND=" + target.backend.backend,
            "POINTSMAN_ADDRESS=" + target.address.text(), "POINTSMAN_PORT=" + std::to_string(target.port)};
}

} // namespace

asio::awaitable<Outcome> probe_exec(ProbeTarget target) {
    auto const started = Clock::now();
    auto const executor = co_await asio::this_coro::executor;
    error_code error;
    ChildProcess child{executor, target.check->command, environment_of(target), error};
    if (error) { // a program that is missing says nothing about the backend
        auto outcome = Outcome{OutcomeCode::OWN, elapsed_since(started), errno_of(error), 0, {}};
        outcome.text = (target.check->command.front() + ": " + error.message()).substr(0, outcome_text_limit);
        co_return outcome;
    }
    ProbeDeadline const deadline{executor, started + target.check->policy.timeout, [&child] { child.end(); }};
    error = co_await child.wait();
    if (deadline.passed()) {
        auto outcome = exec_timeout(child.output());
        outcome.duration = elapsed_since(started);
        co_return outcome;
    }
    throw_if_cancelled(error);
    child.end(); // and what it left running in its group
    auto outcome = exec_outcome(child.status(), child.output());
    outcome.duration = elapsed_since(started);
    co_return outcome;
}

} // namespace pointsman
