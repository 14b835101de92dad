#pragma once

#include "healthcheck/outcome.hpp"
#include "healthcheck/probe.hpp"
#include "healthcheck/probe_http_message.hpp"
#include "healthcheck/probe_sockets.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>

namespace pointsman {

class LightProbes;

/// In line for its deadline while it runs; leaves it when destroyed.
using LightProbeHook =
    boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

/// The probe that most backends get, without a coroutine: a tcp probe that only connects, or an http probe
/// whose status decides. It finds what `probe` finds.
class LightProbe final : private ProbeSockets::User, public LightProbeHook {
public:
    using OnEnd = std::function<void(Outcome)>; ///< may destroy the probe

    [[nodiscard]] static bool suits(ProbeTarget const& target) noexcept;

    /// Begins; the end is told by the loop, never during this call. `target` and `all` outlive it.
    LightProbe(LightProbes& all, ProbeTarget const& target, OnEnd on_end);
    LightProbe(LightProbe const&) = delete;
    LightProbe& operator=(LightProbe const&) = delete;
    ~LightProbe(); ///< cancels

private:
    friend class LightProbes;
    using TimePoint = std::chrono::steady_clock::time_point;

    void on_events(std::uint32_t events) override;
    void on_connected(std::uint32_t events);
    void on_answer();
    void on_deadline();
    [[nodiscard]] TimePoint deadline() const noexcept { return started_ + timeout(); }
    [[nodiscard]] Duration timeout() const noexcept; ///< none for one without a socket
    void fail(boost::system::error_code error);
    void end(OutcomeCode code, int error = 0, std::string_view text = {});
    void finish(Outcome outcome);

    LightProbes& all_;
    ProbeTarget const& target_;
    OnEnd on_end_;
    TimePoint started_;
    ProbeSteps steps_;
    ProbeSockets::Socket* socket_ = nullptr;
    boost::system::error_code refused_; ///< why there is no socket
    HttpAnswer answer_;
};

/// What the light probes of one loop share: sockets, and one timer for all deadlines. One thread.
class LightProbes {
public:
    explicit LightProbes(boost::asio::any_io_executor const& executor);
    LightProbes(LightProbes const&) = delete;
    LightProbes& operator=(LightProbes const&) = delete;
    ~LightProbes();

    /// Lets go of what is kept for probes to come.
    void rest();

private:
    friend class LightProbe;
    using TimePoint = std::chrono::steady_clock::time_point;

    using Line = boost::intrusive::list<LightProbe, boost::intrusive::constant_time_size<false>>;

    void expect(LightProbe& probe);
    void wait_until(TimePoint deadline);
    void wait();
    void on_time();

    ProbeSockets sockets_;
    std::map<Duration, Line> lines_; ///< by their timeout: the first of each has the next deadline
    boost::asio::steady_timer timer_;
    std::optional<TimePoint> waiting_for_; ///< never later than the first deadline
    std::shared_ptr<LightProbes*> self_;   ///< null from the destructor on; shared with completions
};

} // namespace pointsman
