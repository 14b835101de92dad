// What the daemon tells of publishes.
#include "controller/app/daemon.hpp"

#include "controller/model/names.hpp"

#include <spdlog/spdlog.h>

namespace json = boost::json;

namespace pointsman {

void Daemon::on_published(Published const& published) {
    auto const decided = cause_ ? cause_->decided : published.committed;
    auto const switch_time = published.committed - decided;
    json::object record{{"generation", generation_json(published)},
                        {"changes", changes_json(published.plan.changes)},
                        {"switch_us", microseconds_of(switch_time)},
                        {"planned_mono_ns", mono_ns(planned_)}};
    if (published.only) {
        auto const& services = published.only->services;
        record["services"] = json::array(services.begin(), services.end());
    }
    if (cause_) record["cause_seq"] = cause_->seq;
    Moment when = Moment::now();
    when.mono_ns = mono_ns(published.committed);
    audit_.write("publish", record, when);
    end_alarms("no_room");
    instruments_.publish_seconds.Observe(seconds_of(published.prepare + published.commit));
    if (cause_ && cause_->evidence)
        instruments_.failover_seconds.Observe(seconds_of(published.committed - *cause_->evidence));
    for (auto const& change : published.plan.changes)
        on_change(change, published);
    cause_.reset();
    follow_own_links(published.committed); // by the next hops that were just published
    keeper_.changed(StateKeeper::Haste::at_once);
}

/// What more than the record of a publish there is to tell of one of its changes.
void Daemon::on_change(Change const& change, Published const& published) {
    if (change.kind == Change::Kind::panic) {
        audit_.write("panic", {{"service", change.key.service}, {"was", change.was}, {"now", change.now}});
        spdlog::warn("panic is {} for {}: {}", change.now, change.key.service,
                     change.now == "on" ? "too few backends are healthy, health is ignored"
                                        : "health counts again");
    }
    if (change.kind == Change::Kind::announce) {
        audit_.write("announce", {{"service", change.key.service}, {"was", change.was}, {"now", change.now}});
        auto const level = change.now == "on" ? spdlog::level::info : spdlog::level::warn;
        spdlog::log(level, "{}: its address should be {}", change.key.service,
                    change.now == "on" ? "announced: enough backends are healthy"
                                       : "withdrawn: too few backends are healthy");
    }
    if (change.kind == Change::Kind::backend && change.was == "absent" && change.now != "absent" &&
        !stories_.contains(change.key)) {
        auto const* ruling = ruling_of(change.key);
        auto const because = published.was.number == 0 ? "start" : "reload";
        tell(change.key,
             std::string{ruling && ruling->by != RuledBy::probes ? name_of(ruling->by) : because});
    }
    spdlog::debug("generation {}: {} {} {} -> {}", published.plan.next.number, name_of(change.kind),
                  text(change.key), change.was, change.now);
}

void Daemon::on_publish_refused(std::string const& why) {
    spdlog::error("the new generation was not published, traffic goes on as before: {}", why);
    ++instruments_.publishes_refused;
    raise({"no_room", why});
}

void Daemon::on_carried(CarryOver const& carried) {
    instruments_.sessions_lost += carried.lost;
    spdlog::info(
        "sessions carried over: {} copied, {} moved by their packets, {} of ejected backends left behind, "
        "{} closed ones kept, {} lost for want of a place",
        carried.carried, carried.present, carried.dropped, carried.closed, carried.lost);
}

} // namespace pointsman
