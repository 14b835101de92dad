#include "controller/cli/unknown_command.hpp"

#include "controller/config/diagnostic.hpp"
#include "controller/config/suggest.hpp"

namespace pointsman {

std::string unknown_command(std::string const& word, std::vector<std::string> const& commands) {
    if (word == "trace")
        return "this version has no `trace`; `pointsman why SRC:PORT DST:PORT` shows where a flow goes and "
               "each "
               "step to it, `pointsman drops` why packets were dropped";
    auto const near = nearest(word, {commands.begin(), commands.end()});
    return "there is no command `" + printable(word, 64) + "`; " +
           (near.empty() ? "`pointsman --help` lists all" : "did you mean `" + std::string{near} + "`?");
}

} // namespace pointsman
