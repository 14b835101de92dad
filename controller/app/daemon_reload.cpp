// How the daemon comes to another configuration: reload, confirm, rollback.
#include "controller/app/daemon.hpp"
#include "controller/app/log.hpp"
#include "controller/app/reload_limits.hpp"
#include "controller/config/check_files.hpp"

#include <algorithm>
#include <spdlog/spdlog.h>

namespace json = boost::json;

namespace pointsman {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t longest_refusal = 4096; ///< octets of the audit trail's `text`

std::string restart_text(std::vector<std::string> const& keys) {
    std::string text = "a restart is needed to change";
    for (auto const& key : keys)
        text += " " + key;
    return text;
}

} // namespace

Answer Daemon::refuse_reload(Answer::Kind kind, std::string text, std::optional<Peer> const& actor) {
    instruments_.last_reload_successful = false;
    json::object record{{"result", "refused"}, {"text", text.substr(0, text.rfind('\n', longest_refusal))}};
    if (actor) record["actor"] = actor_json(*actor);
    audit_.write("reload", record);
    return Answer{kind, std::move(text)};
}

std::uint64_t Daemon::write_reload(json::object record, AppliedConfig const& config,
                                   std::optional<Peer> const& actor) {
    json::object of{{"file", config_path_}, {"hash", config.hash}};
    if (config.hash != hash_) of["text"] = config.text; // else it is that of the last record which has one
    record["config"] = std::move(of);
    if (actor) record["actor"] = actor_json(*actor);
    return audit_.write("reload", record);
}

Answer Daemon::reload(std::optional<Peer> actor, std::optional<std::chrono::milliseconds> confirm_within) {
    if (unconfirmed_)
        return refuse_reload(Answer::Kind::refused,
                             "the last reload waits to be confirmed; `confirm` or `rollback` it first",
                             actor);
    auto config = load_config(config_path_);
    if (config.state)
        if (auto missing = check_files(*config.state, config.places); !missing.empty()) {
            config.diagnostics = std::move(missing);
            config.state.reset();
        }
    if (!config.state)
        return refuse_reload(Answer::Kind::invalid, render(config.diagnostics, config.text, false), actor);
    if (auto const keys = keys_that_need_a_restart(desired_, *config.state); !keys.empty())
        return refuse_reload(Answer::Kind::refused, restart_text(keys), actor);
    AppliedConfig next{std::move(*config.state), config_hash(config.text), config.text};
    previous_ = AppliedConfig{desired_, hash_, text_};
    instruments_.last_reload_successful = true;
    json::object record{{"result", "applied"}};
    if (confirm_within) record["confirm_within_ms"] = confirm_within->count();
    auto const seq = write_reload(std::move(record), next, actor);
    apply(std::move(next), seq);
    spdlog::info("reloaded {}", config_path_);
    if (!confirm_within) return {Answer::Kind::done, "reloaded " + config_path_};
    await_confirmation(*confirm_within);
    return {Answer::Kind::done, "reloaded " + config_path_ +
                                    "; it is rolled back unless `pointsman confirm` comes within " +
                                    std::to_string(confirm_within->count()) + " ms"};
}

void Daemon::apply(AppliedConfig config, std::uint64_t cause_seq) {
    desired_ = std::move(config.desired);
    hash_ = std::move(config.hash);
    text_ = std::move(config.text);
    loaded_ = std::chrono::system_clock::now();
    open_log(desired_.log);
    cause({cause_seq, Clock::now(), std::nullopt});
    health_.assign(probed());
    judgement_.assign(desired_);
    expect_handshakes();
    auto const is_gone = [this](auto const& entry) { return !health_.knows(entry.first); };
    admin_.retain([this](BackendKey const& key) { return health_.knows(key); });
    admin_.drop_weights_changed_in(desired_);
    std::erase_if(stories_, is_gone);
    std::erase_if(failed_clients_, is_gone);
    std::erase_if(suspicions_, is_gone);
    std::erase_if(path_findings_, is_gone);
    set_targets();
    read_network();
    follow_service_way();
    publisher_.mark_dirty();
    keeper_.changed(StateKeeper::Haste::at_once);
}

void Daemon::await_confirmation(std::chrono::milliseconds within) {
    unconfirmed_ = Unconfirmed{Clock::now() + within, previous_->hash};
    confirmation_.expires_at(unconfirmed_->until);
    confirmation_.async_wait([this](boost::system::error_code error) {
        if (error || !unconfirmed_ || stopping_) return;
        instruments_.last_reload_successful = false;
        auto const answer = return_to_previous("unconfirmed", std::nullopt);
        spdlog::warn("the reload was not confirmed in time: {}", answer.text);
    });
}

Answer Daemon::confirm(std::optional<Peer> actor) {
    if (!unconfirmed_) return {Answer::Kind::refused, "no reload waits to be confirmed"};
    unconfirmed_.reset();
    confirmation_.cancel();
    (void)write_reload({{"result", "confirmed"}}, {desired_, hash_, text_}, actor);
    spdlog::info("the reload of {} is confirmed", config_path_);
    return {Answer::Kind::done, "confirmed " + config_path_};
}

Answer Daemon::rollback(std::optional<Peer> actor) {
    if (!previous_)
        return {Answer::Kind::refused, "there is nothing to return to: no reload since the start, or it was "
                                       "rolled back already"};
    auto answer = return_to_previous("operator", actor);
    spdlog::info("{}", answer.text);
    return answer;
}

/// The file stays as it is: it belongs to the operator.
Answer Daemon::return_to_previous(std::string_view because, std::optional<Peer> const& actor) {
    unconfirmed_.reset();
    confirmation_.cancel();
    auto previous = std::move(*previous_);
    previous_.reset();
    auto const seq =
        write_reload({{"result", "rolled_back"}, {"because", because}, {"from", hash_}}, previous, actor);
    apply(std::move(previous), seq);
    return {Answer::Kind::done, "rolled back to the configuration " + hash_ + "; " + config_path_ +
                                    " still holds the other one: correct it before the next reload or start"};
}

} // namespace pointsman
