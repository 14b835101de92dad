#include "controller/app/daemon.hpp"

#include "controller/app/log.hpp"
#include "controller/app/network_record.hpp"
#include "controller/app/privileges.hpp"
#include "controller/app/routes.hpp"
#include "controller/model/names.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/json/array.hpp>
#include <csignal>
#include <cstring>
#include <random>
#include <spdlog/spdlog.h>
#include <system_error>
#include <unistd.h>

namespace asio = boost::asio;

namespace pointsman {
namespace {

constexpr std::chrono::minutes heartbeat_interval{1};

std::string host_name() {
    std::array<char, 256> name{};
    ::gethostname(name.data(), name.size() - 1);
    return name.data();
}

/// A failing coroutine of the daemon's own is a bug: it ends the daemon with its message.
void rethrow(std::exception_ptr const& failure) {
    if (failure) std::rethrow_exception(failure);
}

void warn_of_no_second_receive(boost::system::error_code error) {
    spdlog::warn(
        "fragments that come before the first one of their packet are not waited for: the kernel lets "
        "no frame be received again: {}",
        error.message());
}

} // namespace

Daemon::Daemon(std::string config_path, ParsedConfig config)
    : config_path_{std::move(config_path)}
    , desired_{*config.state}
    , hash_{config_hash(config.text)}
    , text_{config.text}
    , loaded_{std::chrono::system_clock::now()}
    , audit_{desired_.log.audit, host_name()}
    , control_{context_, make_control_routes(*this)}
    , http_{context_, make_http_routes(*this)}
    , datapath_{(listen(), desired_)}
    , monitor_{context_.get_executor(),
               [this](ProbeReport const& report) { on_report(report); },
               {.jitter_seed = std::random_device{}(),
                .last_handshake =
                    [this](ProbeTarget const& target) {
                        return traffic_.last_handshake(target.address, target.port);
                    }}}
    , publisher_{context_,
                 datapath_.tables(),
                 {.plan = [this](Generation const& current,
                                 PlanScope const* only) { return plan(current, only); },
                  .published = [this](Published const& published) { on_published(published); },
                  .unchanged = [this] { cause_.reset(); },
                  .refused = [this](std::string const& why) { on_publish_refused(why); },
                  .carried = [this](CarryOver const& carried) { on_carried(carried); }}}
    , keeper_{context_, reader_, desired_.daemon.state_dir, [this] { return state_to_save(); },
              [this](std::string const& why) { state_not_saved(why); }}
    , events_{context_, datapath_.programs().event_ring_fd(),
              [this](ConnectionEvent const& event) { on_event(event); }}
    , held_fragments_{context_, datapath_.programs(),
                      [this](std::uint32_t ifindex) { return datapath_.native_xdp(ifindex); },
                      warn_of_no_second_receive}
    , network_monitor_{context_, [this] { read_network(); }}
    , signals_{context_, SIGTERM, SIGINT, SIGHUP}
    , deadline_{context_}
    , heartbeat_{context_}
    , confirmation_{context_}
    , judgement_due_{context_}
    , look_due_{context_} {
    start();
}

Daemon::~Daemon() = default;

void Daemon::listen() {
    control_.listen_local(desired_.daemon.control);
    if (!desired_.daemon.http.empty()) http_.listen_tcp(desired_.daemon.http);
}

void Daemon::start() {
    cause({audit_.write("start", {{"config", {{"file", config_path_}, {"hash", hash_}, {"text", text_}}},
                                  {"tables", name_of(datapath_.takeover())}}),
           std::chrono::steady_clock::now(), std::nullopt});
    health_.assign(desired_);
    judgement_.assign(desired_);
    expect_handshakes();
    boost::asio::use_service<ProbeWays>(context_).set(&service_way_);
    take_over();
    read_network();
    publisher_.mark_dirty();
    context_.poll(); // publishes the first generation before any packet can see the programs
    datapath_.attach();
    for (auto const& attachment : datapath_.attachments())
        tell_of(attachment);
    tell_of_carried_sessions();
    follow_service_way();
    datapath_.stay(true); // whatever ends this process now, but for an orderly stop
    give_up_privileges();
    set_targets();
    on_deadline();
    on_signal();
    beat();
    heap_.keep_tidy();
    look_at_traffic();
    spdlog::info("pointsman {} is up; services: {}, backends: {}", POINTSMAN_VERSION,
                 generation().services.size(), generation().backends.size());
    notify_ready();
}

/// Capabilities belong to threads.
void Daemon::give_up_privileges() {
    if (!drop_privileges()) spdlog::debug("capabilities were not dropped: the process has none to give up");
    publisher_.on_helper_thread([] { drop_privileges(); });
    asio::post(reader_, [] { drop_privileges(); });
}

void Daemon::run() {
    context_.run();
}

void Daemon::set_targets() {
    monitor_.set_targets(health_.wanted(admin_.states()));
}

void Daemon::read_network() {
    if (stopping_) return;
    follow_interfaces();
    std::set<Address> addresses;
    for (auto const& service : desired_.services)
        for (auto const& backend : service.backends)
            addresses.insert(backend.address);
    auto view = network_.read(addresses, desired_.datapath.interfaces);
    if (view == view_) return;
    auto const now = std::chrono::steady_clock::now();
    audit_.write("network", network_json(view_, view), Moment::at(now));
    view_ = std::move(view);
    follow_service_way();
    follow_own_links(now);
    publisher_.mark_dirty();
}

void Daemon::on_signal() {
    signals_.async_wait([this](boost::system::error_code error, int signal) {
        if (error) return;
        if (signal != SIGHUP) {
            spdlog::info("stopping: {}", ::strsignal(signal));
            stop();
            return;
        }
        auto const answer = reload(std::nullopt);
        if (answer.kind != Answer::Kind::done)
            spdlog::error("reload refused, the running configuration stays:\n{}", answer.text);
        on_signal();
    });
}

void Daemon::beat() {
    heartbeat_.expires_after(heartbeat_interval);
    heartbeat_.async_wait([this](boost::system::error_code error) {
        if (error) return;
        instruments_.loop_lag = std::chrono::steady_clock::now() - heartbeat_.expiry();
        datapath_.tidy();
        audit_.write("heartbeat", {{"generation", generation().number}, {"records_lost", audit_.lost()}});
        beat();
    });
}

void Daemon::stop() {
    stopping_ = true;
    asio::co_spawn(context_, shut_down(), rethrow);
}

asio::awaitable<void> Daemon::shut_down() {
    signals_.cancel();
    heartbeat_.cancel();
    heap_.stop();
    confirmation_.cancel();
    deadline_.cancel();
    judgement_due_.cancel();
    look_due_.cancel();
    co_await monitor_.stop();
    co_await control_.stop();
    co_await http_.stop();
    publisher_.stop();
    reader_.join();
    keeper_.finish();
    service_way_.end();
    datapath_.stay(!desired_.daemon.detach_on_exit);
    audit_.write("stop", {{"generation", generation().number}, {"detached", desired_.daemon.detach_on_exit}});
    spdlog::info(desired_.daemon.detach_on_exit
                     ? "stopped, nothing is left in the kernel"
                     : "stopped, the datapath goes on forwarding (detach_on_exit = false)");
    context_.stop(); // the event ring and the network monitor wait for ever; their owners close them
}

} // namespace pointsman
