#include "controller/cli/answers.hpp"
#include "controller/cli/commands.hpp"
#include "controller/cli/doctor_changes.hpp"
#include "controller/cli/doctor_findings.hpp"
#include "controller/cli/exit_code.hpp"
#include "controller/cli/terminal.hpp"
#include "controller/config/parse.hpp"

namespace pointsman {
namespace {

/// Does what can be done by a command, writing down first how to undo it. False when one failed.
bool apply_all(std::vector<Finding> const& findings, HostChanges& changes) {
    bool done = true;
    for (auto const& finding : findings) {
        if (finding.apply.empty()) continue;
        auto const failure = changes.make({finding.apply, finding.undo});
        if (failure.empty())
            print(stderr, "did: " + text_of(finding.apply) + "\n");
        else
            print(stderr, "pointsman: " + text_of(finding.apply) + ": " + failure + "\n");
        done = done && failure.empty();
    }
    return done;
}

int revert_all(HostChanges& changes) {
    bool done = true;
    for (auto const& [undo, failure] : changes.undo_all()) {
        print(failure.empty() ? stdout : stderr, failure.empty()
                                                     ? "did: " + text_of(undo) + "\n"
                                                     : "pointsman: " + text_of(undo) + ": " + failure + "\n");
        done = done && failure.empty();
    }
    return done ? exit_ok : exit_failed;
}

} // namespace

int doctor(CommonOptions const& common, DoctorOptions const& options) {
    auto const config = load_config(common.config);
    print(stderr, render(config.diagnostics, config.text, wants_colour(stderr)));
    if (!config.state) return exit_config_invalid;
    HostChanges changes{config.state->daemon.state_dir};
    if (options.revert) return revert_all(changes);
    auto findings = examine(*config.state, read_doctor_facts(*config.state));
    auto const applied = !options.apply || apply_all(findings, changes);
    if (options.apply) findings = examine(*config.state, read_doctor_facts(*config.state));
    if (common.json)
        print_json(findings_json(findings));
    else
        print(stdout, findings_text(findings));
    return applied && !has_errors(findings) ? exit_ok : exit_failed;
}

} // namespace pointsman
