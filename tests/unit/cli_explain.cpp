// What `explain` and `completion` print.
#include "controller/cli/completion.hpp"
#include "controller/cli/explain_text.hpp"
#include "controller/config/schema.hpp"
#include "controller/datapath/verdicts.hpp"

#include <CLI/CLI.hpp>
#include <boost/json/object.hpp>
#include <gtest/gtest.h>

namespace pointsman {
namespace {

TEST(CliExplain, KnowsEveryKeyByItsPathAndItsName) {
    for (auto const& table : all_tables())
        for (auto const* key : keys_of(table)) {
            auto const path = std::string{table.path} + "." + std::string{key->name};
            EXPECT_EQ(explain_word(path).size(), 1U) << path;
            EXPECT_GE(explain_word(key->name).size(), 1U) << key->name;
        }
}

TEST(CliExplain, KnowsEveryVerdict) {
    for (auto const& verdict : verdict_names())
        EXPECT_EQ(explain_word(verdict.name).size(), 1U) << verdict.name;
}

TEST(CliExplain, ShowsWhatTheSchemaSays) {
    EXPECT_EQ(explain_text(explain_word("datapath.sessions")),
              R"(datapath.sessions  (key)
  Room for flows whose backend is remembered; fixed at start.
  table    [datapath]
  type     an integer
  range    1024-16777216
  default  262144
  unit     flows
)");
    EXPECT_EQ(explain_text(explain_word("l4_refused")),
              "l4_refused  (because)\n  health: ECONNREFUSED: the host lives, the process does not\n");
}

TEST(CliExplain, SuggestsWhatIsNear) {
    EXPECT_TRUE(explain_word("intervall").empty());
    EXPECT_EQ(similar_words("intervall"), "; did you mean `interval`?");
    EXPECT_EQ(similar_words("drop_malforme"), "; did you mean `drop_malformed`?");
    EXPECT_EQ(similar_words("something-else-altogether"), "");
}

TEST(CliCompletion, NamesCommandsAndOptionsForEachShell) {
    CLI::App app{"test"};
    auto* const status = app.add_subcommand("status", "Show it: all of [it], it's there");
    std::string value;
    bool flag = false;
    status->add_option("-c,--config", value, "Configuration file");
    status->add_flag("--json", flag, "As JSON");
    EXPECT_NE(completion_script(app, "bash").find("status) words='--help -h --config -c --json'"),
              std::string::npos);
    auto const zsh = completion_script(app, "zsh");
    EXPECT_TRUE(zsh.starts_with("#compdef pointsman\n"));
    EXPECT_NE(zsh.find("'--config[Configuration file]:value:_files'"), std::string::npos) << zsh;
    EXPECT_NE(zsh.find("'--json[As JSON]'"), std::string::npos) << zsh;
    auto const fish = completion_script(app, "fish");
    EXPECT_NE(fish.find("-a status -d 'Show it: all of [it], it'\\''s there'"), std::string::npos) << fish;
    EXPECT_NE(fish.find("-l config -r -d 'Configuration file'"), std::string::npos) << fish;
    EXPECT_NE(fish.find("-s c -r -d"), std::string::npos) << fish;
}

} // namespace
} // namespace pointsman
