#pragma once

namespace pointsman {

/// What a command's exit status says. A promise to scripts: docs/commands.md.
enum ExitCode : int {
    exit_ok = 0,
    exit_failed = 1,
    exit_usage = 2,
    exit_config_invalid = 3,
    exit_warnings = 4, ///< valid with warnings, under --strict
    exit_unreachable = 5,
    exit_refused = 6,
    exit_degraded = 7, ///< status --exit-code
};

} // namespace pointsman
