#pragma once

namespace pointsman {

/// Parses the command line and runs one command. @return an ExitCode.
[[nodiscard]] int run_command_line(int argc, char** argv);

} // namespace pointsman
