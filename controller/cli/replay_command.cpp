#include "controller/api/text_escape.hpp"
#include "controller/app/replay.hpp"
#include "controller/app/replay_read.hpp"
#include "controller/cli/answers.hpp"
#include "controller/cli/commands.hpp"
#include "controller/cli/exit_code.hpp"
#include "controller/cli/terminal.hpp"
#include "controller/config/parse.hpp"

#include <boost/json/array.hpp>
#include <boost/json/stream_parser.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <optional>

namespace json = boost::json;

namespace pointsman {
namespace {

using Result = Replayed::Result;

std::string subject_of(json::object const& record) {
    if (auto const* generation = record.if_contains("generation"); generation && generation->is_object())
        return word_of(generation->get_object(), "from") + " -> " + word_of(generation->get_object(), "to");
    auto const backend = word_of(record, "backend");
    return word_of(record, "service") + (backend.empty() ? "" : "/" + backend) + "  " +
           word_of(record, "was") + " -> " + word_of(record, "now");
}

std::string said(std::string const& text) {
    return text.empty() ? "nothing" : text;
}

/// Lines end where we end them: what the trail holds is escaped.
std::string text_of(json::object const& record, Replayed const& replayed) {
    auto text = "#" + word_of(record, "seq") + " " + word_of(record, "kind") + "  " + subject_of(record) +
                "  " + std::string{name_of(replayed.result)};
    text = escape_octets(replayed.why.empty() ? text : text + ": " + replayed.why) + "\n";
    for (auto const& [what, trail, core] : replayed.differences)
        text += escape_octets("    " + what + ": the trail says " + said(trail) + ", deciding again gives " +
                              said(core)) +
                "\n";
    if (!replayed.grounds.empty()) text += escape_octets("    from: " + replayed.grounds) + "\n";
    return text;
}

json::object json_of(json::object const& record, Replayed const& replayed) {
    json::object out{{"seq", record.contains("seq") ? record.at("seq") : json::value{}},
                     {"kind", word_of(record, "kind")},
                     {"result", name_of(replayed.result)}};
    if (!replayed.why.empty()) out["why"] = replayed.why;
    if (replayed.differences.empty()) return out;
    auto& differences = (out["differences"] = json::array{}).as_array();
    for (auto const& [what, trail, core] : replayed.differences)
        differences.push_back(json::object{{"what", what}, {"trail", trail}, {"core", core}});
    out["from"] = replayed.grounds;
    return out;
}

/// A record, or the column of the first character that makes it none.
struct Line {
    std::optional<json::object> record;
    std::size_t column = 0;
    std::string error;
};

Line parse(std::string const& text) {
    json::stream_parser parser;
    boost::system::error_code error;
    auto const read = parser.write_some(text, error);
    if (!error && read == text.size()) parser.finish(error);
    if (!error && read < text.size()) return {std::nullopt, read + 1, "something follows the record"};
    if (error) return {std::nullopt, read + 1, error.message()};
    auto value = parser.release();
    if (!value.is_object()) return {std::nullopt, 1, "not an object"};
    return {std::move(value.get_object()), 0, {}};
}

/// One run of the command over all files.
class Run {
public:
    Run(bool as_json, bool all, Replay core) : json_{as_json}, all_{all}, core_{std::move(core)} {}

    /// @return false when the file cannot be read; stderr says why.
    bool read(std::string const& path);
    [[nodiscard]] int end();

private:
    struct Skipped {
        std::string file;
        std::size_t number = 0;
        std::string text;
        bool cut_short = false;
    };

    void take(std::string const& path, std::size_t number, json::object const& record);
    void skip(std::string const& path, std::size_t number, Line const& line, bool cut_short);
    void tell_of_skipped(bool harmless);
    void complain(std::string const& path, std::size_t number, std::string const& text, bool harmless);

    bool json_;
    bool all_;
    Replay core_;
    std::map<Result, std::size_t> counts_;
    std::optional<Skipped> skipped_;
    json::array decisions_;
    json::array problems_;
    bool failed_ = false;
};

bool Run::read(std::string const& path) {
    errno = 0;
    std::ifstream file{path, std::ios::binary};
    std::size_t number = 0;
    for (std::string text; file && std::getline(file, text);) {
        ++number;
        if (text.empty()) continue;
        auto const line = parse(text);
        if (line.record)
            take(path, number, *line.record);
        else
            skip(path, number, line, file.eof());
    }
    if (file.eof() && !file.bad()) return true;
    std::fprintf(stderr, "pointsman: %s: cannot be read: %s; name an audit trail that you may read\n",
                 path.c_str(), std::strerror(errno == 0 ? EIO : errno));
    return false;
}

void Run::take(std::string const& path, std::size_t number, json::object const& record) {
    auto const replayed = core_.take(record);
    tell_of_skipped(word_of(record, "kind") == "start" && replayed.problem.empty());
    if (!replayed.problem.empty()) complain(path, number, replayed.problem, replayed.harmless);
    if (replayed.result == Result::fact) return;
    ++counts_[replayed.result];
    failed_ |= replayed.result == Result::undecided && !replayed.harmless;
    if (json_) {
        auto& decision = decisions_.emplace_back(json_of(record, replayed)).as_object();
        decision["file"] = path;
        decision["line"] = number;
    } else if (all_ || replayed.result == Result::differs) {
        print(stdout, path + ":" + std::to_string(number) + ": " + text_of(record, replayed));
    }
}

void Run::skip(std::string const& path, std::size_t number, Line const& line, bool cut_short) {
    tell_of_skipped(false);
    core_.skip_line();
    skipped_ = {path, number,
                "column " + std::to_string(line.column) + ": no record of an audit trail: " + line.error,
                cut_short};
}

/// A daemon that was killed while it wrote leaves the last line cut short, and its successor begins with the
/// same number.
void Run::tell_of_skipped(bool harmless) {
    auto const skipped = std::exchange(skipped_, std::nullopt);
    if (!skipped) return;
    complain(skipped->file, skipped->number,
             skipped->text + (harmless
                                  ? "; cut short, as by a daemon that was killed: the record was not counted"
                                  : "; it was edited or damaged: take the trail from a backup"),
             harmless);
}

void Run::complain(std::string const& path, std::size_t number, std::string const& text, bool harmless) {
    failed_ |= !harmless;
    std::fprintf(stderr, "%s:%zu: %s: %s\n", path.c_str(), number, harmless ? "note" : "error",
                 escape_octets(text).c_str());
    problems_.push_back(
        json::object{{"file", path}, {"line", number}, {"text", text}, {"harmless", harmless}});
}

int Run::end() {
    tell_of_skipped(skipped_ && skipped_->cut_short);
    auto const same = counts_[Result::same];
    auto const different = counts_[Result::differs];
    auto const undecided = counts_[Result::undecided];
    if (json_)
        print_json({{"schema", "pointsman.replay/1"},
                    {"same", same},
                    {"different", different},
                    {"undecided", undecided},
                    {"problems", std::move(problems_)},
                    {"decisions", std::move(decisions_)}});
    else
        print(stdout, counted(same, "decision") + " made again alike, " + std::to_string(different) +
                          " otherwise, " + std::to_string(undecided) + " not at all\n");
    if (same + different == 0)
        std::fprintf(stderr, "pointsman: no decision could be made again: name the file that holds the last "
                             "start, and those after it\n");
    return different == 0 && same > 0 && !failed_ ? exit_ok : exit_failed;
}

} // namespace

int replay(CommonOptions const& common, ReplayOptions const& options) {
    Replay core;
    if (!options.config.empty()) {
        auto parsed = load_config(options.config);
        if (!parsed.state) {
            print(stderr, render(parsed.diagnostics, parsed.text, wants_colour(stderr)));
            return exit_config_invalid;
        }
        core = Replay{std::move(*parsed.state)};
    }
    Run run{common.json, options.all, std::move(core)};
    for (auto const& path : options.files)
        if (!run.read(path)) return exit_failed;
    return run.end();
}

} // namespace pointsman
