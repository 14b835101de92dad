#include "healthcheck/monitor.hpp"
#include "tests/loop/loop_test.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <gmock/gmock.h>

#include <stdexcept>

namespace pointsman::test {

namespace {

namespace asio = boost::asio;
using testing::ElementsAre;
using enum OutcomeCode;
using enum MeasuredState;

/// What a test looks at in a ProbeReport.
struct Seen {
    OutcomeCode code = OWN;
    HealthState state;
    std::optional<Transition> transition;

    friend bool operator==(Seen const&, Seen const&) = default;
    friend void PrintTo(Seen const& seen, std::ostream* out) {
        *out << name_of(seen.code) << ", state " << static_cast<int>(seen.state.state) << " passed "
             << seen.state.passed_in_row << " failed " << seen.state.failed_in_row << " suspect "
             << seen.state.suspect << (seen.transition ? ", transition" : "");
    }
};

constexpr HealthState up_after(unsigned passed) {
    return {.state = up, .passed_in_row = passed};
}
constexpr HealthState down_after(unsigned failed) {
    return {.state = down, .failed_in_row = failed};
}

/// A monitor whose reports are written down, and stopped at the end of the test.
class MonitorTest : public LoopTest {
protected:
    ~MonitorTest() override { EXPECT_TRUE(stop_within(1s)); }

    bool stop_within(Duration limit) {
        bool stopped = false;
        asio::co_spawn(context, monitor.stop(), [&](std::exception_ptr const&) { stopped = true; });
        return run_until([&] { return stopped; }, limit);
    }

    void note(ProbeReport const& report) {
        seen.push_back({report.outcome.code, report.state, report.transition});
        starts.push_back(report.started);
        last_evidence.assign(report.evidence.begin(), report.evidence.end());
        last_first_failure = report.first_failure;
        if (on_report) on_report(report);
    }

    bool run_until_seen(std::size_t count, Duration limit = 5s) {
        return run_until([&] { return seen.size() >= count; }, limit);
    }

    /// Steady probes an hour apart, fast ones 20 ms.
    static ProbeTarget slow_target(std::uint16_t port, Duration timeout = 1s) {
        auto slow = target(port, CheckType::tcp, timeout);
        slow.check.own().policy.interval = 1h;
        slow.check.own().policy.down_interval = 1h;
        slow.check.own().policy.fast_interval = 20ms;
        return slow;
    }

    std::vector<Seen> seen;
    std::vector<Clock::time_point> starts;
    std::vector<JudgedProbe> last_evidence;
    std::optional<Clock::time_point> last_first_failure;
    HealthMonitor::OnReport on_report;
    std::optional<Duration> handshake_age; ///< of the newest one; nullopt: none is known
    MonitorOptions options{.in_flight_limit = 2,
                           .last_handshake = [this](ProbeTarget const&) -> std::optional<Clock::time_point> {
                               if (!handshake_age) return std::nullopt;
                               return Clock::now() - *handshake_age;
                           }};
    HealthMonitor monitor{context.get_executor(), [this](ProbeReport const& report) { note(report); },
                          options};
};

} // namespace

TEST_F(MonitorTest, AdmitsABackendOnItsFirstPassedProbe) {
    ScriptedBackend backend{context, closes()};
    monitor.set_targets({{slow_target(backend.port())}});
    ASSERT_TRUE(run_until_seen(1));
    EXPECT_THAT(seen, ElementsAre(Seen{L4OK, up_after(1), Transition{unknown, up}}));
    EXPECT_EQ(last_evidence.size(), 1U);
}

TEST_F(MonitorTest, EjectsARefusingBackendAfterFallProbesAtTheFastInterval) {
    RefusingPort const refusing{context};
    monitor.set_targets({{slow_target(refusing.port()), {.state = up}}});
    ASSERT_TRUE(run_until_seen(3));
    EXPECT_THAT(seen, ElementsAre(Seen{L4CON, {.state = up, .failed_in_row = 1}, {}},
                                  Seen{L4CON, {.state = up, .failed_in_row = 2}, {}},
                                  Seen{L4CON, down_after(3), Transition{up, down}}));
    EXPECT_GE(starts[1] - starts[0], 20ms);
    EXPECT_GE(starts[2] - starts[1], 20ms);
    EXPECT_LT(starts[2] - starts[0], 1s);
}

TEST_F(MonitorTest, ReportsTheProbesThatDecidedAndWhenTheFirstOfThemStarted) {
    RefusingPort const refusing{context};
    monitor.set_targets({{slow_target(refusing.port()), {.state = up}}});
    ASSERT_TRUE(run_until_seen(3));
    ASSERT_EQ(last_evidence.size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(last_evidence[i].started, starts[i]);
        EXPECT_EQ(last_evidence[i].outcome.error, ECONNREFUSED);
    }
    EXPECT_EQ(last_first_failure, starts[0]);
}

TEST_F(MonitorTest, ProbesAtOnceOnPassiveEvidenceAndThePassedProbeClearsSuspicion) {
    ScriptedBackend backend{context, closes()};
    auto const probed = slow_target(backend.port());
    monitor.set_targets({{probed}});
    ASSERT_TRUE(run_until_seen(1));
    monitor.probe_now(probed);
    EXPECT_EQ(monitor.state_of(probed), (HealthState{.state = up, .passed_in_row = 1, .suspect = true}));
    ASSERT_TRUE(run_until_seen(2));
    EXPECT_EQ(seen[1], (Seen{L4OK, up_after(2), {}}));
}

TEST_F(MonitorTest, EvidenceThatPoursInCausesOneProbePerFastInterval) {
    ScriptedBackend backend{context, closes()};
    auto const probed = slow_target(backend.port());
    on_report = [&](ProbeReport const&) { monitor.probe_now(probed); };
    monitor.set_targets({{probed}});
    ASSERT_TRUE(run_until(
        [&] {
            monitor.probe_now(probed);
            return seen.size() >= 4;
        },
        5s));
    for (std::size_t i = 1; i < starts.size(); ++i)
        EXPECT_GE(starts[i] - starts[i - 1], 20ms);
}

TEST_F(MonitorTest, EvidenceDuringAProbeThatIsTooOldToAnswerItAsksForAnother) {
    DarkPort const dark{context};
    auto const probed = slow_target(dark.port(), 200ms);
    monitor.set_targets({{probed, {.state = up, .passed_in_row = 1}}});
    ASSERT_TRUE(run_until([&] { return monitor.counters().in_flight == 1; }));
    auto const begun = Clock::now();
    asio::steady_timer later{context, begun + 100ms};
    later.async_wait([&](auto) { monitor.probe_now(probed); });
    ASSERT_TRUE(run_until_seen(1));
    EXPECT_EQ(seen[0], (Seen{L4TOUT, {.state = up, .failed_in_row = 1, .suspect = true}, {}}));
}

TEST_F(MonitorTest, ADarkBackendUnderSuspicionIsOutAfterOneTimeoutAndAFewFastIntervals) {
    DarkPort const dark{context};
    auto probed = slow_target(dark.port(), 300ms);
    probed.check.own().policy.fall = 2;
    monitor.set_targets({{probed, {.state = up, .passed_in_row = 1}}});
    ASSERT_TRUE(run_until([&] { return monitor.counters().in_flight == 1; }));
    auto const asked = Clock::now();
    monitor.probe_now(probed);
    ASSERT_TRUE(run_until([&] { return !seen.empty() && seen.back().transition.has_value(); }));
    EXPECT_THAT(seen, ElementsAre(Seen{L4TOUT, {.state = up, .failed_in_row = 1, .suspect = true}, {}},
                                  Seen{L4TOUT, down_after(2), Transition{up, down}}));
    EXPECT_LT(Clock::now() - asked, 550ms) << "two timeouts would be 600";
    EXPECT_GE(starts[1] - starts[0], 20ms);
}

TEST_F(MonitorTest, AnUnansweredProbeIsSuspiciousLongBeforeItsTimeout) {
    DarkPort const dark{context};
    auto probed = slow_target(dark.port(), 400ms);
    probed.check.own().policy.fall = 2;
    monitor.set_targets({{probed, {.state = up, .passed_in_row = 1}}});
    ASSERT_TRUE(run_until_seen(2));
    EXPECT_EQ(seen[1].transition, (Transition{up, down}));
    EXPECT_GE(starts[1] - starts[0], 100ms);
    EXPECT_LT(starts[1] - starts[0], 300ms);
}

TEST_F(MonitorTest, ARefusedClientAndRefusedProbesAreConfirmedInAHurry) {
    RefusingPort const refusing{context};
    auto probed = slow_target(refusing.port());
    probed.check.own().policy.fast_interval = 100ms;
    monitor.set_targets({{probed, {.state = up, .passed_in_row = 1}}});
    monitor.probe_now(probed, Evidence::refused);
    ASSERT_TRUE(run_until_seen(3));
    EXPECT_EQ(seen[2].transition, (Transition{up, down}));
    EXPECT_GE(starts[2] - starts[0], 40ms);
    EXPECT_LT(starts[2] - starts[0], 150ms);
}

TEST_F(MonitorTest, AProbeThatPassedJustBeforeDoesNotKeepARefusedClientWaiting) {
    ScriptedBackend backend{context, closes()};
    auto probed = slow_target(backend.port());
    probed.check.own().policy.fast_interval = 500ms;
    monitor.set_targets({{probed, {.state = up, .passed_in_row = 1}}});
    ASSERT_TRUE(run_until_seen(1));
    monitor.probe_now(probed, Evidence::refused);
    ASSERT_TRUE(run_until_seen(2));
    EXPECT_GE(starts[1] - starts[0], 100ms);
    EXPECT_LT(starts[1] - starts[0], 400ms);
}

TEST_F(MonitorTest, IgnoresEvidenceAgainstABackendThatIsDownOrUnknown) {
    RefusingPort const refusing{context};
    auto const probed = slow_target(refusing.port());
    monitor.set_targets({{probed}});
    ASSERT_TRUE(run_until_seen(1));
    monitor.probe_now(probed);
    monitor.probe_now(slow_target(1));
    EXPECT_EQ(monitor.counters().evidence, 0U);
    EXPECT_FALSE(run_until_seen(2, 60ms));
    EXPECT_EQ(monitor.state_of(probed), down_after(1));
}

TEST_F(MonitorTest, ProbesATargetThatSeveralServicesShareOnce) {
    ScriptedBackend backend{context, answers("HTTP/1.1 200 OK\r\n\r\n")};
    auto shared = slow_target(backend.port());
    shared.check.own().type = CheckType::http; // tcp probes are never accepted
    monitor.set_targets({{shared}, {shared}, {shared}});
    ASSERT_TRUE(run_until_seen(1));
    EXPECT_FALSE(run_until_seen(2, 50ms));
    EXPECT_EQ(backend.connections(), 1U);
}

TEST_F(MonitorTest, DoesNotProbeABackendWithoutACheck) {
    ScriptedBackend backend{context, closes()};
    auto unchecked = slow_target(backend.port());
    unchecked.check.own().type = CheckType::none;
    monitor.set_targets({{unchecked}});
    EXPECT_FALSE(run_until_seen(1, 30ms));
    EXPECT_EQ(monitor.state_of(unchecked), std::nullopt);
}

TEST_F(MonitorTest, AReloadLeavesUnchangedTargetsUndisturbed) {
    RefusingPort const refusing{context};
    ScriptedBackend backend{context, closes()};
    auto const failed = slow_target(refusing.port());
    monitor.set_targets({{failed}});
    ASSERT_TRUE(run_until_seen(1));
    monitor.set_targets({{failed, {.state = up}}, {slow_target(backend.port())}});
    ASSERT_TRUE(run_until_seen(2));
    EXPECT_EQ(monitor.state_of(failed), down_after(1));
    EXPECT_FALSE(run_until_seen(3, 50ms));
}

TEST_F(MonitorTest, AReloadThatChangesOnlyThePolicyDoesNotMakeAFailedBackendHealthy) {
    RefusingPort const refusing{context};
    auto const before = slow_target(refusing.port());
    monitor.set_targets({{before}});
    ASSERT_TRUE(run_until_seen(1));
    auto after = before;
    after.check.own().policy.rise = 5;
    monitor.set_targets({{after, {.state = up}}});
    EXPECT_EQ(monitor.state_of(before), std::nullopt);
    EXPECT_EQ(monitor.state_of(after), (HealthState{.state = down}));
}

TEST_F(MonitorTest, ARestartResumesTheLastStateAndItsCounters) {
    ScriptedBackend backend{context, closes()};
    monitor.set_targets({{slow_target(backend.port()), {.state = down, .failed_in_row = 7}}});
    ASSERT_TRUE(run_until_seen(2));
    EXPECT_THAT(seen, ElementsAre(Seen{L4OK, {.state = down, .passed_in_row = 1}, {}},
                                  Seen{L4OK, up_after(2), Transition{down, up}}));
}

TEST_F(MonitorTest, ClientsHandshakesTakeThePlaceOfProbesWhileTheyCome) {
    ScriptedBackend backend{context, closes()};
    auto busy = slow_target(backend.port());
    busy.check.own().policy.interval = 20ms;
    busy.check.own().policy.passive = Passive::replace;
    handshake_age = 1ms;
    monitor.set_targets({{busy}});
    ASSERT_TRUE(run_until([&] { return monitor.counters().replaced >= 5; }));
    EXPECT_EQ(seen.size(), 1U) << "the first probe alone";
    handshake_age.reset();
    EXPECT_TRUE(run_until_seen(3));
}

TEST_F(MonitorTest, EvidenceIsProbedHoweverManyHandshakesCome) {
    RefusingPort const refusing{context};
    auto busy = slow_target(refusing.port());
    busy.check.own().policy.passive = Passive::replace;
    handshake_age = 1ms;
    monitor.set_targets({{busy, {.state = up}}});
    ASSERT_TRUE(run_until([&] { return monitor.counters().replaced >= 1; }));
    monitor.probe_now(busy, Evidence::refused);
    ASSERT_TRUE(run_until_seen(3));
    EXPECT_EQ(seen.back().transition, (Transition{up, down}));
}

TEST_F(MonitorTest, ARemovedTargetReportsNothingMore) {
    DarkPort const dark{context};
    monitor.set_targets({{slow_target(dark.port(), 20ms)}});
    ASSERT_TRUE(run_until([&] { return monitor.counters().in_flight == 1; }));
    monitor.set_targets({});
    EXPECT_FALSE(run_until_seen(1, 60ms));
    EXPECT_EQ(monitor.counters().in_flight, 0U);
}

TEST_F(MonitorTest, ATargetMayBeRemovedBeforeItsLoopBegan) {
    ScriptedBackend backend{context, closes()};
    monitor.set_targets({{slow_target(backend.port())}});
    monitor.set_targets({});
    EXPECT_TRUE(stop_within(1s));
    EXPECT_TRUE(seen.empty());
}

TEST_F(MonitorTest, ATargetMayBeRemovedFromWithinItsOwnReport) {
    ScriptedBackend backend{context, closes()};
    on_report = [&](ProbeReport const&) { monitor.set_targets({}); };
    monitor.set_targets({{slow_target(backend.port())}});
    ASSERT_TRUE(run_until_seen(1));
    EXPECT_TRUE(stop_within(1s));
    EXPECT_EQ(seen.size(), 1U);
}

TEST_F(MonitorTest, StopsAtOnceWithProbesInFlightAndInLine) {
    DarkPort const dark{context};
    std::vector<WantedProbe> wanted;
    for (int i = 1; i <= 5; ++i) // distinct by their timeout
        wanted.push_back({slow_target(dark.port(), 1h * i)});
    monitor.set_targets(wanted);
    ASSERT_TRUE(run_until([&] { return monitor.counters().in_flight == 2; }));
    context.poll();
    EXPECT_TRUE(stop_within(500ms));
    EXPECT_EQ(monitor.counters().in_flight, 0U);
    EXPECT_TRUE(seen.empty());
}

TEST_F(MonitorTest, StartsAgainAfterAStop) {
    ScriptedBackend backend{context, closes()};
    monitor.set_targets({{slow_target(backend.port())}});
    ASSERT_TRUE(run_until_seen(1));
    ASSERT_TRUE(stop_within(1s));
    monitor.set_targets({{slow_target(backend.port())}});
    EXPECT_TRUE(run_until_seen(2));
}

TEST_F(MonitorTest, HoldsProbesBackBeyondTheLimitAndMeasuresTheirDelay) {
    DarkPort const dark{context};
    monitor.set_targets({{slow_target(dark.port(), 100ms)},
                         {slow_target(dark.port(), 101ms)},
                         {slow_target(dark.port(), 102ms)}});
    ASSERT_TRUE(run_until_seen(3));
    EXPECT_GE(monitor.counters().queue_delay_max, 95ms);
    EXPECT_LT(monitor.counters().queue_delay_max, 1s);
}

TEST_F(MonitorTest, BlamesItselfForAProbeDuringWhichTheProcessStoodStill) {
    DarkPort const dark{context};
    auto const probed = slow_target(dark.port(), 10ms);
    monitor.set_targets({{probed, {.state = up}}});
    ASSERT_TRUE(run_until([&] { return monitor.counters().in_flight == 1; }));
    auto const resumed = Clock::now() + 80ms;
    while (Clock::now() < resumed) { // nothing else runs on this thread: the loop stands still
    }
    ASSERT_TRUE(run_until_seen(1));
    EXPECT_THAT(seen, ElementsAre(Seen{OWN, {.state = up}, {}}));
    EXPECT_EQ(monitor.counters().stalls, 1U);
    EXPECT_EQ(monitor.counters().own_faults, 1U);
}

TEST_F(MonitorTest, ATimeoutThatItCameTooLateToReadIsAskedAgain) {
    DarkPort const dark{context};
    auto probed = slow_target(dark.port(), 1s);
    probed.check.own().policy.fast_interval = 200ms; // up to 320 ms late is no stall
    monitor.set_targets({{probed, {.state = up}}});
    ASSERT_TRUE(run_until([&] { return monitor.counters().in_flight == 1; }));
    auto const resumed = Clock::now() + 1030ms; // later than a busy machine, earlier than what is OWN
    while (Clock::now() < resumed) {
    }
    ASSERT_TRUE(run_until_seen(1));
    EXPECT_THAT(seen, ElementsAre(Seen{L4TOUT, {.state = up, .suspect = true}, {}}));
    EXPECT_TRUE(last_evidence.empty());
    ASSERT_TRUE(run_until([&] { return monitor.counters().in_flight > 1; }))
        << "soon, though steady ones are rare";
}

TEST_F(MonitorTest, AnExceptionInTheCallbackLeavesThroughRun) {
    ScriptedBackend backend{context, closes()};
    on_report = [](ProbeReport const&) { throw std::runtime_error{"bug"}; };
    monitor.set_targets({{slow_target(backend.port())}});
    EXPECT_THROW(run_until_seen(2), std::runtime_error);
}

} // namespace pointsman::test
