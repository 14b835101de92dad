// What replay takes from a trail: configuration, network, orders, inheritance. The decisions:
// replay_decide.cpp.
#include "controller/app/replay.hpp"

#include "controller/app/network_record.hpp"
#include "controller/app/replay_read.hpp"
#include "controller/app/saved_state.hpp"
#include "controller/app/service_way.hpp"
#include "controller/config/parse.hpp"
#include "controller/model/names.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <set>

namespace json = boost::json;

namespace pointsman {
namespace {

using Result = Replayed::Result;

constexpr std::string_view schema = "pointsman.audit/1";

bool decides(std::string_view kind) {
    static std::set<std::string_view> const kinds{"health",   "check", "publish", "panic",
                                                  "announce", "admin", "agent"};
    return kinds.contains(kind);
}

Replayed problem(std::string text, bool harmless = false) {
    Replayed out;
    out.problem = std::move(text);
    out.harmless = harmless;
    return out;
}

Replayed undecided(std::string_view kind, std::string why) {
    Replayed out;
    if (decides(kind)) out.result = Result::undecided;
    out.why = std::move(why);
    return out;
}

} // namespace

std::string_view name_of(Replayed::Result value) noexcept {
    switch (value) {
    case Result::fact: return "fact";
    case Result::same: return "same";
    case Result::differs: return "differs";
    case Result::undecided: return "undecided";
    }
    std::unreachable();
}

Replayed Replay::take(json::object const& record) {
    try {
        return take_checked(record, word_of(record, "kind") == "start");
    } catch (std::exception const& fault) {
        undecided_ = "record " + word_of(record, "seq") + " could not be used";
        auto out = undecided(word_of(record, "kind"), undecided_);
        out.problem = fault.what();
        return out;
    }
}

Replayed Replay::take_checked(json::object const& record, bool starts) {
    if (word_of(record, "schema") != schema)
        throw TrailError{"its schema is \"" + word_of(record, "schema") + "\", and this version reads \"" +
                         std::string{schema} + "\": replay it with the version that wrote it"};
    auto const found = follow_sequence(record, starts);
    if (starts) undecided_.clear();
    if (!found.problem.empty() && !found.harmless) undecided_ = found.problem;
    auto out = undecided_.empty() ? decide(record) : undecided(word_of(record, "kind"), undecided_);
    if (!undecided_.empty()) out.harmless = in_the_middle_;
    if (out.problem.empty()) {
        out.problem = found.problem;
        out.harmless = found.harmless;
    }
    return out;
}

/// @return what is missing before this record.
Replayed Replay::follow_sequence(json::object const& record, bool starts) {
    auto const seq = number_of(record, "seq");
    auto const before = std::exchange(seq_, seq);
    bool const anew = starts && (before == 0 || seq == 1); // a new file after a restart begins with 1
    bool const skipped = std::exchange(skipped_, false);
    if (starts) in_the_middle_ = false;
    if (before == 0 && !starts) {
        undecided_ = "the trail begins in the middle";
        in_the_middle_ = true;
        return problem("the trail begins in the middle, at record " + std::to_string(seq) +
                           ": nothing before the next start can be decided; name the files that were "
                           "rotated before this one first",
                       true);
    }
    if (skipped && !starts) undecided_ = "a line before could not be read";
    if (skipped && seq > before) return {};
    if (!anew && seq <= before)
        return problem("record " + std::to_string(seq) + " follows record " + std::to_string(before) +
                       ": name rotated files oldest first");
    if (!anew && seq != before + 1) {
        auto gap = problem("records are missing between " + std::to_string(before) + " and " +
                           std::to_string(seq) + ": name every rotated file; or lines were removed");
        gap.harmless = starts;
        return gap;
    }
    if (word_of(record, "kind") == "lost") {
        auto const lost = word_of(record, "records");
        return problem("the disk refused " + lost + (lost == "1" ? " record" : " records") +
                       " before this one");
    }
    if (auto version = word_of(record, "version"); version != POINTSMAN_VERSION && version != version_) {
        version_ = std::move(version);
        return problem("written by version " + version_ +
                           ", and this is " POINTSMAN_VERSION
                           ", which may rightly decide otherwise: to be sure, replay it with that version",
                       true);
    }
    return {};
}

Replayed Replay::decide(json::object const& record) {
    auto const kind = word_of(record, "kind");
    if (kind == "start") return on_start(record);
    if (kind == "resume") return on_resume(record);
    if (kind == "reload") return on_reload(record);
    if (kind == "network") return on_network(record);
    if (kind == "admin") return word_of(record, "because") == "weight" ? on_weight(record) : on_admin(record);
    if (kind == "agent") return on_agent(record);
    if (kind == "passive") return on_passive(record);
    if (kind == "publish") return on_publish(record);
    if (kind == "panic") return on_consequence(record, Change::Kind::panic);
    if (kind == "announce") return on_consequence(record, Change::Kind::announce);
    if (kind == "check" || (kind == "health" && record.contains("evidence"))) return on_probes(record);
    if (kind == "health" && !record.contains("ruled_by"))
        throw TrailError{"a verdict needs the field `evidence`, and a ruling `ruled_by`: both are missing"};
    if (kind == "health") return on_ruling(record);
    return {};
}

/// What start, reload and rollback do with a configuration.
void Replay::configure(json::object const& record) {
    auto const& config = object_of(record, "config");
    file_ = word_of(config, "file");
    hash_ = word_of(config, "hash");
    if (config.contains("text")) text_ = word_of(config, "text");
    if (instead_) {
        desired_ = instead_;
    } else {
        if (config_hash(text_) != hash_)
            throw TrailError{"the trail does not hold the configuration of the hash " + hash_ +
                             ": it was edited, or written by a version that did not record it"};
        auto parsed = parse_config(text_, file_);
        if (!parsed.state) {
            auto const report = render(parsed.diagnostics, parsed.text, false);
            throw TrailError{"the configuration in this record is not valid for this version: " +
                             report.substr(0, report.find('\n')) +
                             "; replay it with the version that wrote it"};
        }
        desired_ = std::move(parsed.state);
    }
    assign();
    judgement_.assign(*desired_);
    admin_.retain([this](BackendKey const& key) { return health_.knows(key); });
    admin_.drop_weights_changed_in(*desired_);
}

void Replay::assign() {
    health_.assign(directly_ ? probed_directly(*desired_) : *desired_);
}

Replayed Replay::on_start(json::object const& record) {
    Replay fresh;
    fresh.instead_ = std::move(instead_);
    fresh.version_ = std::move(version_);
    fresh.seq_ = seq_;
    fresh.undecided_.clear();
    fresh.resumed_ = word_of(record, "tables") != "fresh";
    if (fresh.resumed_) fresh.current_ = std::move(current_);
    *this = std::move(fresh);
    configure(record);
    return {};
}

Replayed Replay::on_resume(json::object const& record) {
    auto const& state = object_of(record, "state");
    auto const read = decode(json::serialize(state), word_of(state, "bpffs"));
    if (!read.state) throw TrailError{"what this daemon inherited cannot be read: " + read.problem};
    auto const now = moment(record);
    std::map<BackendKey, CheckStates> states;
    for (auto const& service : read.state->services)
        for (auto const& backend : service.backends) {
            BackendKey const key{service.name, backend.name};
            if (!health_.knows(key)) continue;
            if (!backend.checks.empty()) states[key] = backend.checks;
            if (backend.past) judgement_.remember(key, *backend.past, now);
            if (backend.order) admin_.set(key, {backend.order->state, backend.order->reason, {}, {}});
            if (backend.weight_order) admin_.set(key, *backend.weight_order);
        }
    health_.resume(states);
    return {};
}

Replayed Replay::on_reload(json::object const& record) {
    auto const result = word_of(record, "result");
    if (result == "applied" || result == "rolled_back") configure(record);
    return {};
}

Replayed Replay::on_network(json::object const& record) {
    try {
        view_ = with_network_json(std::move(view_), record);
    } catch (std::exception const& fault) {
        throw TrailError{"routes, links and addresses of this record have another form: " +
                         std::string{fault.what()}};
    }
    follow_own_links(moment(record));
    return {};
}

void Replay::follow_own_links(TimePoint now) {
    auto cut_off = cut_off_by_own_links(current_, view_);
    if (cut_off == cut_off_) return;
    cut_off_ = std::move(cut_off);
    judgement_.cut_off(cut_off_.backends, now);
}

Replayed Replay::on_passive(json::object const& record) {
    if (word_of(record, "because") == "clients_failed")
        (void)judgement_.eject(key_of(record), moment(record));
    return {};
}

/// Moments that decisions go by. They never go back, which the rules rely on.
Replay::TimePoint Replay::moment(json::object const& record, std::string_view key) {
    auto const time = time_of(record, key);
    if (time < newest_)
        throw TrailError{"the time in `" + std::string{key} +
                         "` is before that of an earlier decision: the record was edited or moved"};
    newest_ = time;
    return time;
}

} // namespace pointsman
