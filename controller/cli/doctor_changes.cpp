#include "controller/cli/doctor_changes.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace json = boost::json;

namespace pointsman {
namespace {

json::array words_json(CommandWords const& words) {
    return json::array(words.begin(), words.end());
}

/// nullopt for what is no list of words.
std::optional<CommandWords> words_of(json::object const& object, char const* key) {
    auto const* list = object.if_contains(key);
    if (!list || !list->is_array()) return std::nullopt;
    CommandWords words;
    for (auto const& word : list->get_array()) {
        if (!word.is_string()) return std::nullopt;
        words.emplace_back(word.get_string());
    }
    return words.empty() ? std::nullopt : std::optional{words};
}

std::optional<HostChange> change_of(json::value const& value) {
    if (!value.is_object()) return std::nullopt;
    auto command = words_of(value.get_object(), "command");
    auto undo = words_of(value.get_object(), "undo");
    if (!command || !undo) return std::nullopt;
    return HostChange{std::move(*command), std::move(*undo)};
}

/// Waits for its end. Its own messages go to stderr, so that stdout stays data.
/// @return empty, or why it failed.
std::string run(CommandWords const& words) {
    std::vector<char*> arguments;
    for (auto const& word : words)
        arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    pid_t child = 0;
    auto const error =
        ::posix_spawnp(&child, arguments.front(), &actions, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) return std::strerror(error);
    int ended = 0;
    while (::waitpid(child, &ended, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(ended) && WEXITSTATUS(ended) == 0) return {};
    return WIFEXITED(ended) ? "exit " + std::to_string(WEXITSTATUS(ended)) : "ended by a signal";
}

} // namespace

std::string text_of(CommandWords const& words) {
    std::string text;
    for (auto const& word : words) {
        auto const has_blank = word.find(' ') != std::string::npos;
        text += (text.empty() ? "" : " ") + (has_blank ? "'" + word + "'" : word);
    }
    return text;
}

HostChanges::HostChanges(std::string const& state_dir) : path_{state_dir + "/doctor.json"} {}

std::string HostChanges::make(HostChange const& change) {
    auto changes = read();
    changes.push_back(change);
    if (auto failure = write(changes); !failure.empty()) return failure;
    auto failure = run(change.command);
    if (failure.empty()) return {};
    changes.pop_back();
    (void)write(changes);
    return failure;
}

std::vector<std::pair<CommandWords, std::string>> HostChanges::undo_all() {
    auto const changes = read();
    std::vector<std::pair<CommandWords, std::string>> done;
    std::vector<HostChange> left;
    for (auto change = changes.rbegin(); change != changes.rend(); ++change) {
        done.emplace_back(change->undo, run(change->undo));
        if (!done.back().second.empty()) left.insert(left.begin(), *change);
    }
    if (!changes.empty()) (void)write(left);
    return done;
}

/// A file that is none of ours counts as empty.
std::vector<HostChange> HostChanges::read() const {
    std::ifstream file{path_};
    std::string const text{std::istreambuf_iterator<char>{file}, {}};
    boost::system::error_code error;
    auto const value = json::parse(text, error);
    auto const* list = error || !value.is_object() ? nullptr : value.get_object().if_contains("changes");
    std::vector<HostChange> changes;
    if (!list || !list->is_array()) return changes;
    for (auto const& entry : list->get_array())
        if (auto change = change_of(entry)) changes.push_back(std::move(*change));
    return changes;
}

/// Replaces the file as a whole: written beside it, then renamed.
std::string HostChanges::write(std::vector<HostChange> const& changes) const {
    std::error_code error;
    if (changes.empty()) {
        std::filesystem::remove(path_, error);
        return error ? error.message() : std::string{};
    }
    json::array list;
    for (auto const& change : changes)
        list.push_back(
            json::object{{"command", words_json(change.command)}, {"undo", words_json(change.undo)}});
    json::object content{{"schema", "pointsman.doctor-changes/1"}};
    content["changes"] = std::move(list);
    std::filesystem::create_directories(std::filesystem::path{path_}.parent_path(), error);
    auto const beside = path_ + ".new";
    {
        std::ofstream file{beside};
        file << json::serialize(content) << "\n";
        if (!file.flush()) return "cannot write " + beside + ": " + std::strerror(errno);
    }
    std::filesystem::rename(beside, path_, error);
    return error ? "cannot write " + path_ + ": " + error.message() : std::string{};
}

} // namespace pointsman
