#include "controller/plan/self_watch.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace pointsman {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

std::string seconds_text(nanoseconds duration) {
    std::array<char, 48> text{};
    std::snprintf(text.data(), text.size(), "%.1f s", std::chrono::duration<double>(duration).count());
    return text.data();
}

std::chrono::milliseconds milliseconds(nanoseconds duration) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(duration);
}

Alarm clock_step(nanoseconds step) {
    return {"clock_step",
            std::string{"the wall clock was set "} + (step > 0ns ? "forward" : "back") + " by " +
                seconds_text(nanoseconds{std::abs(step.count())}) +
                ": verdicts and deadlines go by the monotonic clock and are not affected, but `ts` in this "
                "file jumps here; look after the clock's synchronisation (timedatectl, chronyc tracking)",
            0,
            {},
            SelfWatch::shown,
            milliseconds(step)};
}

} // namespace

Alarm SelfWatch::stood_still(nanoseconds stood, nanoseconds suspended) {
    auto const machine = suspended > stood / 2;
    return {"stood_still",
            std::string{machine ? "this machine was suspended" : "this process stood still"} + " for " +
                seconds_text(stood) +
                ": packets went on by the last generation, and no backend is judged by the probes of that "
                "time; " +
                (machine ? "a balancer must not sleep: switch suspend off"
                         : "find out what stopped it (SIGSTOP, a debugger, a starved CPU, swapping)"),
            0,
            {},
            shown,
            milliseconds(stood)};
}

std::vector<Alarm> SelfWatch::look(ClockReading const& now, std::chrono::steady_clock::time_point due) {
    auto const last = std::exchange(last_, now);
    std::vector<Alarm> alarms;
    if (!last) return alarms;
    auto const suspended = (now.boot - last->boot) - (now.steady - last->steady);
    auto const stood = (now.steady - due) + suspended;
    if (stood > tolerance) alarms.push_back(stood_still(stood, suspended));
    auto const step = (now.wall - last->wall) - (now.boot - last->boot);
    if (step > tolerance || step < -tolerance) alarms.push_back(clock_step(step));
    return alarms;
}

} // namespace pointsman
