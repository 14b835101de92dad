#pragma once

#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace pointsman {

/// The completion script of a shell (bash, zsh or fish), made from the commands and options themselves.
[[nodiscard]] std::string completion_script(CLI::App const& app, std::string_view shell);

/// Prints it. @return an ExitCode
[[nodiscard]] int print_completion(CLI::App const& app, std::string_view shell);

} // namespace pointsman
