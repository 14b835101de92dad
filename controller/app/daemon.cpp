#include "controller/app/daemon.hpp"

#include "controller/app/log.hpp"
#include "controller/app/network_record.hpp"
#include "controller/app/on_thread.hpp"
#include "controller/app/privileges.hpp"
#include "controller/app/routes.hpp"
#include "controller/config/check_files.hpp"
#include "controller/config/host.hpp"
#include "controller/model/names.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/json/array.hpp>
#include <csignal>
#include <cstring>
#include <fstream>
#include <malloc.h>
#include <random>
#include <spdlog/spdlog.h>
#include <system_error>
#include <unistd.h>

namespace asio = boost::asio;
namespace json = boost::json;

namespace pointsman {
namespace {

constexpr std::chrono::minutes heartbeat_interval{1};
constexpr std::chrono::seconds memory_interval{5};
constexpr std::size_t much_memory = 1 << 20; ///< octets
constexpr int large_block = 256 << 10;       ///< octets

/// Resident, in octets, without files and tables; 0 if the kernel does not say.
std::size_t private_memory() {
    std::ifstream file{"/proc/self/statm"};
    std::size_t size = 0;
    std::size_t resident = 0;
    std::size_t shared = 0;
    file >> size >> resident >> shared;
    return file ? (resident - shared) * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) : 0;
}

void set_up_memory() {
    // Otherwise glibc raises both with the largest block that was freed, and keeps as much for later ones.
    ::mallopt(M_MMAP_THRESHOLD, large_block);
    ::mallopt(M_TRIM_THRESHOLD, large_block);
    // Otherwise small blocks that are freed lie about until somebody needs a large one: where there were tens
    // of thousands, a verdict that came next spent 2 to 5 ms on putting them together.
    ::mallopt(M_MXFAST, 0);
}

std::string host_name() {
    std::array<char, 256> name{};
    ::gethostname(name.data(), name.size() - 1);
    return name.data();
}

/// A failing coroutine of the daemon's own is a bug: it ends the daemon with its message.
void rethrow(std::exception_ptr const& failure) {
    if (failure) std::rethrow_exception(failure);
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
                                 std::set<std::string> const* only) { return plan(current, only); },
                  .published = [this](Published const& published) { on_published(published); },
                  .unchanged = [this] { cause_.reset(); },
                  .refused =
                      [this](std::string const& why) {
                          spdlog::error("the new generation was not published, traffic goes on as before: {}",
                                        why);
                          ++instruments_.publishes_refused;
                          raise({"no_room", why});
                      },
                  .carried =
                      [this](CarryOver const& carried) {
                          instruments_.sessions_lost += carried.lost;
                          spdlog::info(
                              "sessions carried over: {} copied, {} moved by their packets, {} of ejected "
                              "backends left behind, {} closed ones kept, {} lost for want of a place",
                              carried.carried, carried.present, carried.dropped, carried.closed,
                              carried.lost);
                      }}}
    , keeper_{context_, reader_, desired_.daemon.state_dir, [this] { return state_to_save(); },
              [this](std::string const& why) { state_not_saved(why); }}
    , events_{context_, datapath_.programs().event_ring_fd(),
              [this](ConnectionEvent const& event) { on_event(event); }}
    , held_fragments_{context_, datapath_.programs(),
                      [this](std::uint32_t ifindex) { return datapath_.native_xdp(ifindex); },
                      [](boost::system::error_code error) {
                          spdlog::warn("fragments that come before the first one of their packet are not "
                                       "waited for: the kernel lets no frame be received again: {}",
                                       error.message());
                      }}
    , network_monitor_{context_, [this] { read_network(); }}
    , signals_{context_, SIGTERM, SIGINT, SIGHUP}
    , deadline_{context_}
    , heartbeat_{context_}
    , memory_due_{context_}
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
    set_up_memory();
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
    tidy_memory();
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

/// Gives the kernel back what a start, a reload or a large answer left unused.
void Daemon::tidy_memory() {
    if (private_memory() > memory_in_use_ + much_memory) {
        ::malloc_trim(0);
        memory_in_use_ = private_memory();
    }
    memory_in_use_ = std::min(memory_in_use_, private_memory());
    memory_due_.expires_after(memory_interval);
    memory_due_.async_wait([this](boost::system::error_code error) {
        if (!error) tidy_memory();
    });
}

void Daemon::stop() {
    stopping_ = true;
    asio::co_spawn(context_, shut_down(), rethrow);
}

asio::awaitable<void> Daemon::shut_down() {
    signals_.cancel();
    heartbeat_.cancel();
    memory_due_.cancel();
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

Answer Daemon::order(BackendKey const& key, AdminOrder order, std::optional<Peer> actor) {
    auto const* backend = generation().find(key);
    if (!backend) return {Answer::Kind::unknown, "there is no backend " + text(key)};
    auto const before = backend->state();
    auto const after = state_of(backend->measured, order.state);
    json::object record = subject_json(*backend);
    record["was"] = name_of(before);
    record["now"] = name_of(after);
    record["because"] = actor ? "operator" : "deadline";
    record["order"] = name_of(order.state);
    record["reason"] = order.reason;
    if (actor) record["actor"] = actor_json(*actor);
    cause({audit_.write("admin", record), std::chrono::steady_clock::now(), std::nullopt});
    spdlog::info("{} is {} by order{}{}", text(key), name_of(order.state), order.reason.empty() ? "" : ": ",
                 order.reason);
    if (order.state == AdminState::maint) {
        health_.forget(key);
        path_findings_.erase(key);
        judgement_.rest(key);
    }
    if (order.state == AdminState::ready)
        for (auto const& target : health_.forget_wishes(key))
            monitor_.forget_wishes(target);
    admin_.set(key, std::move(order));
    tell(key, actor ? "operator" : "deadline");
    set_targets();
    on_deadline();
    publisher_.mark_dirty();
    keeper_.changed(StateKeeper::Haste::at_once);
    return {Answer::Kind::done, text(key) + " is " + std::string{name_of(after)}};
}

asio::awaitable<SessionCounts> Daemon::sessions() {
    SessionCounts counts;
    auto const snapshot = datapath_.session_snapshot();
    auto const read = [&counts, &snapshot] { counts = count_sessions(snapshot); };
    co_await on_thread(reader_, read);
    note_sessions(counts);
    co_return counts;
}

void Daemon::note_sessions(SessionCounts const& counts) {
    auto const now = std::chrono::steady_clock::now();
    for (auto const& backend : generation().backends) {
        auto const found = counts.find(static_cast<std::uint32_t>(backend.id));
        admin_.note_sessions(backend.key, found == counts.end() ? 0 : found->second, now);
    }
}

/// Carries out what is due and waits for the next deadline of a drain.
void Daemon::on_deadline() {
    auto const next = admin_.next_deadline();
    if (!next || stopping_) return;
    deadline_.expires_at(*next);
    deadline_.async_wait([this](boost::system::error_code error) {
        if (error) return;
        for (auto const& [key, state] : admin_.due(std::chrono::steady_clock::now()))
            (void)order(key, {.state = state, .reason = "drain deadline", .deadline = {}, .then = {}},
                        std::nullopt);
        on_deadline();
    });
}

} // namespace pointsman
