#include "controller/cli/completion.hpp"

#include "controller/cli/exit_code.hpp"
#include "controller/cli/terminal.hpp"

#include <CLI/CLI.hpp>
#include <vector>

namespace pointsman {
namespace {

/// One option as the shells need it.
struct Word {
    std::string text; ///< "--json"
    std::string help;
    bool takes_value = false;
};

struct Command {
    std::string name;
    std::string help;
    std::vector<Word> options;
};

std::vector<Word> options_of(CLI::App const& app) {
    std::vector<Word> words;
    for (auto const* option : app.get_options()) {
        auto const takes_value = option->get_items_expected_max() > 0;
        for (auto const& name : option->get_lnames())
            words.push_back({"--" + name, option->get_description(), takes_value});
        for (auto const& name : option->get_snames())
            words.push_back({"-" + name, option->get_description(), takes_value});
    }
    return words;
}

std::vector<Command> commands_of(CLI::App const& app) {
    std::vector<Command> commands;
    for (auto const* sub : app.get_subcommands([](CLI::App const*) { return true; }))
        commands.push_back({sub->get_name(), sub->get_description(), options_of(*sub)});
    return commands;
}

std::string names_of(std::vector<Command> const& commands) {
    std::string names;
    for (auto const& command : commands)
        names += (names.empty() ? "" : " ") + command.name;
    return names;
}

std::string texts_of(std::vector<Word> const& words) {
    std::string texts;
    for (auto const& word : words)
        texts += (texts.empty() ? "" : " ") + word.text;
    return texts;
}

/// Files are offered where no option fits: `-c FILE`, `--control PATH`.
std::string bash_script(std::vector<Command> const& commands) {
    std::string cases;
    for (auto const& command : commands)
        if (command.name != "completion")
            cases += "    " + command.name + ") words='" + texts_of(command.options) + "' ;;\n";
    return "_pointsman() {\n"
           "  local word=${COMP_WORDS[COMP_CWORD]} command= words= i\n"
           "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
           "    [[ ${COMP_WORDS[i]} == -* ]] || { command=${COMP_WORDS[i]}; break; }\n"
           "  done\n"
           "  case $command in\n"
           "    '') words='" +
           names_of(commands) + " --help --version' ;;\n    completion) words='bash zsh fish' ;;\n" + cases +
           "  esac\n"
           "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
           "}\n"
           "complete -o default -F _pointsman pointsman\n";
}

/// Text between single quotes of a shell.
std::string quoted(std::string text) {
    for (auto at = text.find('\''); at != std::string::npos; at = text.find('\'', at + 4))
        text.replace(at, 1, R"('\'')");
    return "'" + text + "'";
}

/// Text of an _arguments or _describe specification, in which a colon and brackets mean something.
std::string zsh_text(std::string const& text) {
    std::string out;
    for (char const c : text) {
        if (c == ':' || c == '[' || c == ']' || c == '\\') out += '\\';
        out += c;
    }
    return out;
}

std::string zsh_script(std::vector<Command> const& commands) {
    std::string names;
    std::string cases;
    for (auto const& command : commands) {
        names += "    " + quoted(zsh_text(command.name) + ":" + command.help) + "\n";
        cases += "    " + command.name + ") _arguments";
        for (auto const& word : command.options)
            cases += " \\\n      " + quoted(word.text + "[" + zsh_text(word.help) + "]" +
                                            (word.takes_value ? ":value:_files" : ""));
        cases += std::string{" \\\n      "} +
                 (command.name == "completion" ? "'*:shell:(bash zsh fish)'" : "'*:argument:_files'") +
                 " ;;\n";
    }
    return "#compdef pointsman\n"
           "_pointsman() {\n"
           "  local -a commands=(\n" +
           names +
           "  )\n"
           "  if ((CURRENT == 2)); then\n"
           "    _describe command commands\n"
           "    return\n"
           "  fi\n"
           "  local command=$words[2]\n"
           "  shift words\n"
           "  ((CURRENT--))\n"
           "  case $command in\n" +
           cases +
           "  esac\n"
           "}\n"
           "compdef _pointsman pointsman\n";
}

std::string fish_script(std::vector<Command> const& commands) {
    std::string out;
    for (auto const& command : commands) {
        out += "complete -c pointsman -n __fish_use_subcommand -f -a " + command.name + " -d " +
               quoted(command.help) + "\n";
        auto const inside = "complete -c pointsman -n '__fish_seen_subcommand_from " + command.name + "' ";
        if (command.name == "completion") out += inside + "-f -a 'bash zsh fish'\n";
        for (auto const& word : command.options) {
            auto const is_long = word.text.starts_with("--");
            out += inside + (is_long ? "-l " + word.text.substr(2) : "-s " + word.text.substr(1)) +
                   (word.takes_value ? " -r" : "") + " -d " + quoted(word.help) + "\n";
        }
    }
    return out;
}

} // namespace

std::string completion_script(CLI::App const& app, std::string_view shell) {
    auto const commands = commands_of(app);
    if (shell == "zsh") return zsh_script(commands);
    return shell == "fish" ? fish_script(commands) : bash_script(commands);
}

int print_completion(CLI::App const& app, std::string_view shell) {
    print(stdout, completion_script(app, shell));
    return exit_ok;
}

} // namespace pointsman
