// What the daemon makes of its own faults and of this machine's: alarms, and who is not to be judged by them.
#include "controller/app/daemon.hpp"
#include "controller/app/own_faults.hpp"
#include "controller/model/names.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <net/if.h>
#include <spdlog/spdlog.h>

namespace json = boost::json;

namespace pointsman {
namespace {

using Clock = std::chrono::steady_clock;

std::chrono::nanoseconds read_clock(clockid_t id) {
    timespec time{};
    ::clock_gettime(id, &time);
    return std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
}

/// All clocks at one moment: read anew if this thread was interrupted between them.
ClockReading read_clocks() {
    constexpr std::chrono::milliseconds moment{10};
    ClockReading reading;
    for (int tries = 0; tries < 10; ++tries) {
        reading = {Clock::now(), read_clock(CLOCK_BOOTTIME), read_clock(CLOCK_REALTIME)};
        if (Clock::now() - reading.steady < moment) break;
    }
    return reading;
}

std::string link_name(std::uint32_t index) {
    std::array<char, IF_NAMESIZE> name{};
    return ::if_indextoname(index, name.data()) != nullptr ? name.data() : "number " + std::to_string(index);
}

std::int64_t milliseconds(Clock::duration duration) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

} // namespace

void Daemon::raise(Alarm const& alarm) {
    if (!alarms_.raise(alarm, Clock::now())) return;
    json::object record{{"because", alarm.because}, {"text", alarm.text}};
    if (alarm.error != 0) record["errno"] = alarm.error;
    if (!alarm.subject.empty()) record[alarm.about] = alarm.subject;
    if (alarm.amount) record[alarm.because + "_ms"] = alarm.amount->count();
    audit_.write("alarm", record);
    spdlog::error("{}", alarm.text);
}

void Daemon::end_alarms(std::function<bool(Alarm const&)> const& is_over) {
    auto const now = Clock::now();
    for (auto const& [alarm, since, told, raised, times] : alarms_.end(now, is_over)) {
        json::object record{
            {"because", alarm.because}, {"lasted_ms", milliseconds(now - since)}, {"times", times}};
        if (!alarm.subject.empty()) record[alarm.about] = alarm.subject;
        audit_.write("alarm_over", record);
        spdlog::info("over: {}{}{}", alarm.because, alarm.subject.empty() ? "" : " of ", alarm.subject);
    }
}

void Daemon::end_alarms(std::string_view because, std::string_view subject) {
    end_alarms([&](Alarm const& alarm) { return alarm.because == because && alarm.subject == subject; });
}

/// Of those that nothing else tells the end of.
bool Daemon::is_over(Alarm const& alarm) const {
    if (alarm.because == "own_link_down") return cut_off_.links.empty();
    if (alarm.because == "probe_way") return service_way_.problem().empty();
    if (alarm.because == "path_fails")
        return std::ranges::none_of(path_findings_,
                                    [&](auto const& entry) { return text(entry.first) == alarm.subject; });
    if (alarm.because == "audit_not_written") return audit_.failure() == 0;
    if (alarm.because == "state_not_saved") return !keeper_.is_failing();
    bool const of_probes =
        alarm.because == "no_descriptors" || alarm.because == "no_ports" || alarm.because == "own_fault";
    return of_probes && !has_own_fault(alarm.because);
}

/// By the last probe of each check that is made.
bool Daemon::has_own_fault(std::string_view because) const {
    auto const& admin = admin_.states();
    return std::ranges::any_of(generation().backends, [&](GenerationBackend const& backend) {
        auto const order = admin.find(backend.key);
        if (order != admin.end() && order->second == AdminState::maint) return false;
        return std::ranges::any_of(health_.checks(backend.key), [&](CheckHealth const& check) {
            return check.last && check.last->outcome.code == OutcomeCode::OWN &&
                   own_fault_of(check.last->outcome) == because;
        });
    });
}

/// Our own fault is nobody's verdict, but somebody has to act.
void Daemon::own_fault(ProbeReport const& report) {
    if (own_fault_of(report.outcome) != "stood_still")
        return raise(alarm_of_own_fault(report.target, report.outcome));
    look_at_self(); // which knows for how long, if it was long
    auto const late = Clock::now() - report.started - report.target.check->policy.timeout;
    raise(SelfWatch::stood_still(late));
}

/// Of this alarm the trail itself is the last to learn.
void Daemon::look_at_audit_trail() {
    if (audit_.lost() == audit_losses_seen_ || audit_.failure() == 0) return;
    raise({"audit_not_written",
           "log.audit: cannot write " + audit_.path() + ": " + std::strerror(audit_.failure()) +
               "; records are lost, traffic and health checks go on: make room there",
           audit_.failure()});
    audit_losses_seen_ = audit_.lost(); // the alarm's own record among them
}

/// As often as the traffic is looked at.
void Daemon::look_at_self() {
    look_at_audit_trail();
    for (auto const& alarm : self_watch_.look(read_clocks(), std::max(look_due_.expiry(), looked_)))
        raise(alarm);
    looked_ = Clock::now();
    if (!alarms_.active().empty()) end_alarms([this](Alarm const& alarm) { return is_over(alarm); });
}

void Daemon::follow_own_links(Clock::time_point now) {
    auto cut_off = cut_off_by_own_links(generation(), view_);
    if (cut_off == cut_off_) return;
    bool const more = !std::ranges::includes(cut_off_.links, cut_off.links);
    cut_off_ = std::move(cut_off);
    judgement_.cut_off(cut_off_.backends, now);
    publisher_.mark_dirty();
    if (!more) return;
    std::string links;
    for (auto const link : cut_off_.links)
        links += (links.empty() ? "" : ", ") + link_name(link);
    raise({"own_link_down",
           "the way to " + std::to_string(cut_off_.backends.size()) +
               " backends leads over an interface of ours that is down, without a carrier or gone (" + links +
               "): their verdicts wait until it is back; set it up, or look at its cable"});
}

} // namespace pointsman
