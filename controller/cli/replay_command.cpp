#include "controller/app/replay.hpp"
#include "controller/app/replay_read.hpp"
#include "controller/cli/answers.hpp"
#include "controller/cli/commands.hpp"
#include "controller/cli/exit_code.hpp"
#include "controller/cli/terminal.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <cstdio>
#include <fstream>
#include <map>

namespace json = boost::json;

namespace pointsman {
namespace {

using Result = Replayed::Result;

/// Where a decision stands, and what became of it.
struct Decision {
    std::string file;
    std::size_t line = 0;
    json::object record;
    Replayed replayed;
};

std::string subject_of(json::object const& record) {
    auto const service = word_of(record, "service");
    auto const backend = word_of(record, "backend");
    if (auto const* generation = record.if_contains("generation"))
        return word_of(generation->as_object(), "from") + " -> " + word_of(generation->as_object(), "to");
    return service + (backend.empty() ? "" : "/" + backend) + "  " + word_of(record, "was") + " -> " +
           word_of(record, "now");
}

std::string text_of(Decision const& decision) {
    auto const& [file, line, record, replayed] = decision;
    auto text = file + ":" + std::to_string(line) + ": #" + word_of(record, "seq") + " " +
                word_of(record, "kind") + "  " + subject_of(record) + "  " +
                std::string{name_of(replayed.result)};
    return text + (replayed.text.empty() ? "" : ": " + replayed.text) + "\n";
}

json::object json_of(Decision const& decision) {
    json::object out{{"file", decision.file},
                     {"line", decision.line},
                     {"seq", decision.record.at("seq")},
                     {"kind", decision.record.at("kind")},
                     {"result", name_of(decision.replayed.result)}};
    if (!decision.replayed.text.empty()) out["text"] = decision.replayed.text;
    return out;
}

/// Hands each decision of one file to `each`. A line that is no record is as good as missing: the next one
/// shows the gap. @return false when the file cannot be read.
template<typename Each>
bool replay_file(Replay& replay, std::string const& path, Each each) {
    std::ifstream file{path, std::ios::binary};
    if (!file) return false;
    std::size_t number = 0;
    for (std::string line; std::getline(file, line);) {
        ++number;
        boost::system::error_code error;
        auto record = json::parse(line, error);
        if (error || !record.is_object()) continue;
        auto replayed = replay.take(record.as_object());
        if (replayed.result != Result::fact)
            each(Decision{path, number, std::move(record.as_object()), std::move(replayed)});
    }
    return !file.bad();
}

} // namespace

int replay(CommonOptions const& common, std::vector<std::string> const& files) {
    Replay core;
    std::map<Result, std::size_t> counts;
    json::array records;
    for (auto const& path : files) {
        bool const read = replay_file(core, path, [&](Decision const& decision) {
            ++counts[decision.replayed.result];
            if (common.json)
                records.push_back(json_of(decision));
            else
                print(stdout, text_of(decision));
        });
        if (!read) {
            std::fprintf(stderr, "pointsman: cannot read %s; name an audit trail that you may read\n",
                         path.c_str());
            return exit_failed;
        }
    }
    auto const same = counts[Result::same];
    auto const different = counts[Result::differs];
    auto const undecided = counts[Result::undecided];
    if (common.json)
        print_json({{"schema", "pointsman.replay/1"},
                    {"same", same},
                    {"different", different},
                    {"undecided", undecided},
                    {"decisions", std::move(records)}});
    else
        print(stdout, std::to_string(same) + " decisions are the same, " + std::to_string(different) +
                          " differ, " + std::to_string(undecided) + " cannot be decided again\n");
    if (same + different == 0)
        std::fprintf(stderr, "pointsman: no decision could be made again: begin with the file that holds "
                             "the last `start`\n");
    return different == 0 && same > 0 ? exit_ok : exit_failed;
}

} // namespace pointsman
