#include "controller/cli/command_line.hpp"

#include "controller/cli/answers.hpp"
#include "controller/cli/commands.hpp"
#include "controller/cli/completion.hpp"
#include "controller/cli/control_client.hpp"
#include "controller/cli/exit_code.hpp"
#include "controller/cli/terminal.hpp"
#include "controller/cli/unknown_command.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <functional>

namespace pointsman {
namespace {

/// Registers the commands; `chosen` becomes the one that was named.
class CommandLine {
public:
    CommandLine() {
        app_.name("pointsman");
        app_.require_subcommand(1);
        app_.set_version_flag("--version", "pointsman " POINTSMAN_VERSION);
        app_.failure_message([](CLI::App const*, CLI::Error const& error) {
            return std::string{"pointsman: "} + error.what() +
                   "; `pointsman COMMAND --help` says how it is used\n";
        });
        app_.footer(
            "Exit codes: 0 ok, 1 failed, 2 usage, 3 configuration invalid, 4 valid with warnings under "
            "--strict,\n"
            "5 daemon not reachable, 6 refused or conflict, 7 status --exit-code: something degraded.");
        add_run();
        add_check();
        add_status();
        add_reload();
        add_orders();
        add_weight();
        add_events();
        add_replay();
        add_questions();
        add_top();
        add_doctor();
        add_explain();
        add_completion();
        add_detach();
        add_version();
    }

    int run(int argc, char** argv) {
        if (argc > 1 && !is_known(argv[1])) {
            print(stderr, "pointsman: " + unknown_command(argv[1], commands()) + "\n");
            return exit_usage;
        }
        try {
            app_.parse(argc, argv);
        } catch (CLI::ParseError const& error) {
            return app_.exit(error) == 0 ? exit_ok : exit_usage;
        }
        return chosen_();
    }

private:
    /// An option is for the parser to judge.
    [[nodiscard]] bool is_known(std::string_view word) const {
        auto const known = commands();
        return word.starts_with('-') || std::ranges::find(known, word) != known.end();
    }

    [[nodiscard]] std::vector<std::string> commands() const {
        std::vector<std::string> names;
        for (auto const* sub : app_.get_subcommands([](CLI::App const*) { return true; }))
            names.push_back(sub->get_name());
        return names;
    }

    CLI::App* command(char const* name, char const* help, std::function<int()> run) {
        auto* const sub = app_.add_subcommand(name, help);
        sub->add_option("-c,--config", common_.config, "Configuration file")->capture_default_str();
        sub->callback([this, run = std::move(run)] { chosen_ = run; });
        return sub;
    }

    CLI::App* asking_command(char const* name, char const* help, std::function<int()> run) {
        auto* const sub = command(name, help, std::move(run));
        sub->add_option("--control", common_.control,
                        "The daemon's socket; default: as the configuration says");
        return sub;
    }

    void add_run() {
        command("run", "Run the daemon in the foreground", [this] { return run_daemon(common_); });
    }

    void add_check() {
        auto* const sub = command("check", "Report every problem of a configuration file",
                                  [this] { return check(common_, check_); });
        sub->add_flag("--json", common_.json, "Print pointsman.check/1");
        sub->add_flag("--strict", check_.strict, "Exit 4 when there are warnings");
    }

    void add_status() {
        auto* const sub = asking_command("status", "Show services, backends and their states",
                                         [this] { return status(common_, status_); });
        sub->add_option("service", status_.service, "Only this service");
        sub->add_flag("--json", common_.json, "Print pointsman.status/1");
        sub->add_flag("--watch", status_.watch, "Show again every second until interrupted");
        sub->add_flag("--exit-code", status_.exit_code,
                      "Exit 7 when a backend is not up or a service is in panic");
    }

    void add_reload() {
        auto* const plan_command =
            asking_command("plan", "Show what a reload would change", [this] { return plan(common_); });
        plan_command->add_flag("--json", common_.json, "Print pointsman.plan/1");
        auto* const sub =
            asking_command("reload", "Apply the configuration file again, as a whole or not at all",
                           [this] { return reload(common_, confirm_within_); });
        sub->add_option("--confirm-within", confirm_within_,
                        "Roll back by itself unless `confirm` comes within this time, e.g. 60s");
        asking_command("confirm", "Keep what the last reload applied", [this] { return confirm(common_); });
        asking_command("rollback", "Return to what the last reload replaced",
                       [this] { return rollback(common_); });
    }

    void add_questions() {
        auto* const counted =
            asking_command("drops", "Show what became of packets, and why they were dropped",
                           [this] { return drops(common_, all_); });
        counted->add_flag("--all", all_, "Verdicts that no packet met, too");
        counted->add_flag("--json", common_.json, "Print pointsman.drops/1");

        auto* const list = asking_command("sessions", "List the flows whose backend is remembered",
                                          [this] { return sessions(common_, sessions_); });
        list->add_option("--service", sessions_.service, "Only those of this service");
        list->add_option("--backend", sessions_.backend, "Only those on SERVICE/BACKEND");
        list->add_option("--limit", sessions_.limit, "List so many; all are counted")
            ->check(CLI::Range(std::size_t{0}, std::size_t{10'000}))
            ->capture_default_str();
        list->add_flag("--json", common_.json, "Print pointsman.sessions/1");

        auto* const flow = asking_command("why", "Show which backend a flow would reach, and each step to it",
                                          [this] { return why(common_, why_); });
        flow->add_option("from", why_.from, "SRC:PORT")->required();
        flow->add_option("to", why_.to, "DST:PORT or DST:PORT/udp")->required();
        flow->add_flag("--json", common_.json, "Print pointsman.why/1");

        auto* const once = asking_command("probe", "Probe a backend once, now; its health stays as it is",
                                          [this] { return probe(common_, target_); });
        once->add_option("backend", target_, "SERVICE/BACKEND")->required();
        once->add_flag("--json", common_.json, "Print pointsman.probe/1");
    }

    void add_top() {
        asking_command("top", "Watch packets, connections and sessions; q quits",
                       [this] { return top(common_); });
    }

    void add_doctor() {
        auto* const sub = command("doctor", "Show what this host lacks, why it matters and what mends it",
                                  [this] { return doctor(common_, doctor_); });
        auto* const apply = sub->add_flag("--apply", doctor_.apply, "Mend what can be mended by a setting");
        sub->add_flag("--revert", doctor_.revert, "Undo what --apply did")->excludes(apply);
        sub->add_flag("--json", common_.json, "Print pointsman.doctor/1");
    }

    void add_explain() {
        auto* const sub = app_.add_subcommand(
            "explain", "Explain a configuration key, a verdict or a word of the audit trail");
        sub->callback([this] { chosen_ = [this] { return explain(common_, target_); }; });
        sub->add_option("word", target_, "service.check.interval, interval, drop_no_backend, l4_refused, ...")
            ->required();
        sub->add_flag("--json", common_.json, "Print pointsman.explain/1");
    }

    void add_completion() {
        auto* const sub = app_.add_subcommand("completion", "Print the completion for a shell");
        sub->callback([this] { chosen_ = [this] { return print_completion(app_, target_); }; });
        sub->add_option("shell", target_, "bash, zsh or fish")
            ->required()
            ->check(CLI::IsMember({"bash", "zsh", "fish"}));
    }

    void add_orders() {
        for (auto const& [state, help] :
             {std::pair{"drain", "Give a backend no new flows; established ones stay"},
              std::pair{"maint",
                        "Take a backend out: no new flows, no probes, established flows as on_down says"},
              std::pair{"ready", "Let health decide about a backend again"}}) {
            auto* const sub = asking_command(state, help, [this, state = std::string{state}] {
                order_.state = state;
                return order(common_, order_);
            });
            sub->add_option("backend", order_.target, "SERVICE/BACKEND")->required();
            sub->add_option("--reason", order_.reason, "For the audit trail");
            if (std::string_view{state} != "drain") continue;
            auto* const deadline =
                sub->add_option("--deadline", order_.deadline, "End the drain after this time, e.g. 60s");
            sub->add_option("--then", order_.then, "State after the deadline: maint (default) or ready")
                ->check(CLI::IsMember({"maint", "ready"}))
                ->needs(deadline);
            sub->add_flag("--wait", order_.wait,
                          "Return when the last flow has ended or the deadline has passed");
        }
    }

    void add_weight() {
        auto* const sub = asking_command(
            "weight", "Set a backend's weight until `ready`, or until a reload changes the configured one",
            [this] { return weight(common_, weight_); });
        sub->add_option("backend", weight_.target, "SERVICE/BACKEND")->required();
        sub->add_option("weight", weight_.weight, "Share of new flows relative to the others, 0-65535")
            ->required()
            ->check(CLI::Range(0, 65535));
        sub->add_option("--reason", weight_.reason, "For the audit trail");
    }

    void add_events() {
        auto* const sub =
            asking_command("events", "Print the audit trail", [this] { return events(common_, events_); });
        sub->add_flag("--json", common_.json, "Print the records as they are");
        sub->add_flag("-f,--follow", events_.follow, "Go on with new records until interrupted");
        sub->add_option("--since", events_.since,
                        "Only records from this time on: 2026-11-20T05:00:00Z, or 10m for ten minutes ago");
        sub->add_option("--service", events_.service, "Only records about this service");
    }

    void add_replay() {
        auto* const sub =
            app_.add_subcommand("replay", "Decide again from an audit trail and report any difference");
        sub->callback([this] { chosen_ = [this] { return replay(common_, replay_); }; });
        sub->add_option("file", replay_.files, "The trail; rotated files before it, oldest first")
            ->required();
        sub->add_option("--config", replay_.config,
                        "Decide by this file instead of what was configured then");
        sub->add_flag("--all", replay_.all, "Print decisions that are the same, too");
        sub->add_flag("--json", common_.json, "Print pointsman.replay/1");
    }

    void add_detach() {
        command("detach", "Remove everything that Pointsman left in the kernel",
                [this] { return detach(common_); });
    }

    void add_version() {
        auto* const sub = command("version", "Print the version", [this] { return version(common_); });
        sub->add_flag("--json", common_.json, "Print pointsman.version/1");
    }

    CLI::App app_{"Layer-4 load balancer with health checks and atomic failover"};
    CommonOptions common_;
    CheckOptions check_;
    StatusOptions status_;
    OrderOptions order_;
    WeightOptions weight_;
    EventOptions events_;
    SessionOptions sessions_;
    WhyOptions why_;
    DoctorOptions doctor_;
    std::string confirm_within_;
    ReplayOptions replay_;
    std::string target_; ///< of the command that takes one word
    bool all_ = false;
    std::function<int()> chosen_;
};

/// The exit code of a command that came to `code`: what did not arrive was not done.
int all_printed(int code) {
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
    std::fprintf(stderr, "pointsman: cannot write to stdout: %s; make room there, or write elsewhere\n",
                 std::strerror(errno));
    return code == exit_ok ? exit_failed : code;
}

} // namespace

int run_command_line(int argc, char** argv) {
    try {
        return all_printed(CommandLine{}.run(argc, argv));
    } catch (RequestFailed const& failed) {
        return report_failure(failed.answer());
    } catch (ConfigInvalid const& error) {
        print(stderr, error.what());
        return exit_config_invalid;
    } catch (Unreachable const& error) {
        std::fprintf(stderr, "pointsman: %s\n", error.what());
        return exit_unreachable;
    } catch (std::exception const& error) {
        std::fprintf(stderr, "pointsman: %s\n", error.what());
        return exit_failed;
    }
}

} // namespace pointsman
