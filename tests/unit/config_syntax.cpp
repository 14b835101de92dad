#include "controller/config/parse.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <sys/stat.h>

namespace pointsman {
namespace {

std::string rendered(std::string_view text) {
    auto const parsed = parse_config(text, "f");
    EXPECT_EQ(parsed.state.has_value(), !has_error(parsed.diagnostics));
    return render(parsed.diagnostics, text, false);
}

std::string shipped_file() {
    std::ifstream in{std::string{POINTSMAN_SOURCE_DIR} + "/conf/pointsman.toml"};
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

std::string repeated(std::string_view part, std::size_t times) {
    std::string out;
    for (std::size_t i = 0; i < times; ++i)
        out += part;
    return out;
}

TEST(ConfigSyntax, ATextWithoutQuotesIsReportedAsAWhole) {
    EXPECT_EQ(rendered("[log]\nlevel = info\n"), R"(f:2:9: error: `info` is neither a number nor true or false
    2 | level = info
      |         ^^^^ write it in quotes: "info"
)");
    EXPECT_EQ(rendered("interval = 1s # often\n"),
              R"(f:1:12: error: `1s` is neither a number nor true or false
    1 | interval = 1s # often
      |            ^^ write it in quotes: "1s"
)");
    EXPECT_EQ(rendered("address = 10.77.0.2\n"),
              R"(f:1:11: error: `10.77.0.2` is neither a number nor true or false
    1 | address = 10.77.0.2
      |           ^^^^^^^^^ write it in quotes: "10.77.0.2"
)");
}

TEST(ConfigSyntax, OtherSyntaxErrorsAreReportedWhereTheParserStopped) {
    EXPECT_EQ(rendered("[log]\nlevel =\n"), R"(f:2:8: error: syntax error: expected value, saw '\n'
    2 | level =
      |        ^ a value is missing here
)");
    EXPECT_EQ(
        rendered("[log]\nlevel = \"info\nformat = \"text\"\n"),
        R"(f:2:14: error: syntax error: unescaped control characters other than TAB (U+0009) are explicitly prohibited
    2 | level = "info
      |              ^ is a closing quote missing?
)");
    EXPECT_EQ(rendered("a = 1 b = 2\n"),
              R"(f:1:7: error: syntax error: expected a comment or whitespace, saw 'b'
    1 | a = 1 b = 2
      |       ^
)");
}

TEST(ConfigSyntax, WhatIsNotClosedOrTooLargeSaysWhatToDo) {
    EXPECT_EQ(rendered("a = \"b"), R"(f:1:7: error: syntax error: encountered end-of-file
    1 | a = "b
      |       ^ the file ends in the middle of this; is a closing quote or bracket missing?
)");
    EXPECT_EQ(rendered("[log\n"), R"(f:1:5: error: syntax error: expected ']', saw '\n'
    1 | [log
      |     ^ is a closing bracket missing?
)");
    EXPECT_NE(rendered("a = 99999999999999999999\n").find("write a smaller number"), std::string::npos);
}

TEST(ConfigSyntax, AKeyGivenTwiceIsReportedWithTheFirst) {
    EXPECT_EQ(rendered("[a]\nlevel = 1\n[log]\n  level = \"info\"\n\n  level = \"debug\"\n"),
              R"(f:6:3: error: key `level` is given twice in the same table
    6 |   level = "debug"
      |   ^^^^^ first given at line 4
)");
    EXPECT_EQ(rendered("[log]\n[log]\n"),
              R"(f:2:1: error: syntax error: cannot redefine existing table 'log'
    2 | [log]
      | ^ a table is written once: put its keys together, or write [[service]] and [[service.backend]]
)");
}

TEST(ConfigSyntax, WhatIsNotUtf8TextIsReportedAtTheFirstSuchOctet) {
    EXPECT_EQ(rendered("# caf\xe9\n"), R"(f:1:6: error: the file is not UTF-8 text
    1 | # caf?
      |      ^ save it as UTF-8
)");
    EXPECT_EQ(rendered({"é = 1\n# \0", 10}), R"(f:2:3: error: the file contains a NUL character
    2 | # ?
      |   ^ is this really a text file?
)");
}

TEST(ConfigSyntax, NothingInTheFileReachesTheTerminalAsAControlCharacter) {
    auto const text = rendered("\"\\u001b[31m\" = 1 # \xc2\x9b"
                               "31m \x7f\n");
    for (char const c : text)
        EXPECT_TRUE(c == '\n' || (c >= ' ' && c < '\x7f')) << text;
    EXPECT_TRUE(text.starts_with("f:1:1: error: unknown key `?[31m` outside") || text.find("syntax") < 20)
        << text;
}

TEST(ConfigSyntax, CaretsStandBelowTheirCharacterBehindTabsAndUmlauts) {
    EXPECT_NE(rendered("log = {\t\"ü\" = 1}\n").find("\n      |        \t^^^\n"), std::string::npos);
}

TEST(ConfigSyntax, ColourIsAddedOnlyOnRequestAndChangesNoText) {
    auto const parsed = parse_config("lgo = 1\n[datapath]\ninterfaces = [\"a\"]\n[[service]]\n", "f");
    auto coloured = render(parsed.diagnostics, parsed.text, true);
    EXPECT_NE(coloured.find("\033[1;31merror: \033[0m"), std::string::npos);
    for (std::size_t at = 0; (at = coloured.find('\033')) != std::string::npos;)
        coloured.erase(at, coloured.find('m', at) + 1 - at);
    EXPECT_EQ(coloured, render(parsed.diagnostics, parsed.text, false));
}

TEST(ConfigSyntax, OfAVeryLongLineOnlyTheNeighbourhoodIsShown) {
    auto const text = rendered("[log]\naudit = \"/" + std::string(100'000, 'a') + "\"\n");
    EXPECT_LT(text.size(), 2000U);
}

TEST(ConfigSyntax, DeepNestingIsAnErrorAndNotACrash) {
    auto const refusal = std::string{": error: too deeply nested\n"};
    for (auto const& text : {"[" + repeated("a.", 300'000) + "a]\n", repeated("a.", 300'000) + "a = 1\n",
                             "a = " + repeated("[", 300'000), "a = " + repeated("{a=", 300'000),
                             "a = \"\"\"it's\n\"\"\"\n" + repeated("a.", 300'000) + "a = 1\n",
                             "a = '''\\'''\n" + repeated("a.", 300'000) + "a = 1\n"})
        EXPECT_NE(rendered(text).find(refusal), std::string::npos) << text.substr(0, 40);
    EXPECT_EQ(rendered("# " + repeated("a.[", 300)).find(refusal), std::string::npos);
    EXPECT_EQ(rendered("a = '" + repeated("a.[", 300) + "'\n").find(refusal), std::string::npos);
}

TEST(ConfigSyntax, NoPrefixOfAFileCrashesTheParser) {
    auto const text = shipped_file();
    for (std::size_t length = 0; length < text.size(); length += 7)
        (void)rendered(text.substr(0, length));
}

TEST(ConfigSyntax, NoMutationOfAFileCrashesTheParser) {
    auto const original = shipped_file();
    std::mt19937 random{1};
    constexpr std::string_view telling = "[]{}=.,\"'#\\\n\r\t 0-\xff\x80\xc3";
    for (int round = 0; round < 3000; ++round) {
        auto text = original;
        for (int change = 0; change < 1 + round % 4; ++change) {
            auto const at = random() % text.size();
            switch (random() % 3) {
            case 0: text[at] = telling[random() % telling.size()]; break;
            case 1: text.erase(at, 1 + random() % 40); break;
            default: text.insert(at, 1, static_cast<char>(random() & 0xff)); break;
            }
        }
        (void)rendered(text);
    }
}

TEST(ConfigLoad, AFileThatCannotBeReadYieldsOneErrorWithoutALine) {
    auto const absent = load_config("/nonexistent/pointsman.toml");
    EXPECT_FALSE(absent.state);
    EXPECT_EQ(render(absent.diagnostics, absent.text, false),
              "/nonexistent/pointsman.toml: error: cannot be read: No such file or directory\n"
              "      name a file with -c FILE, or create this one\n");
    auto const directory = load_config("/");
    EXPECT_EQ(render(directory.diagnostics, directory.text, false),
              "/: error: cannot be read: Is a directory\n      name the file in it with -c FILE\n");
}

TEST(ConfigLoad, APipeThatNobodyWritesToIsRefusedAtOnce) {
    auto const path = testing::TempDir() + "pointsman_fifo.toml";
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    auto const parsed = load_config(path);
    std::filesystem::remove(path);
    EXPECT_EQ(render(parsed.diagnostics, parsed.text, false),
              path +
                  ": error: cannot be read: Not a regular file\n"
                  "      name a file with -c FILE: of a pipe or device nobody could read the same again\n");
}

TEST(ConfigLoad, AFileBeyondSixteenMebibytesIsRefused) {
    auto const path = testing::TempDir() + "pointsman_large.toml";
    std::ofstream{path} << std::string((std::size_t{16} << 20) + 1, '#');
    auto const parsed = load_config(path);
    std::filesystem::remove(path);
    EXPECT_EQ(render(parsed.diagnostics, parsed.text, false),
              path + ": error: cannot be read: File too large\n      16 MiB is the limit\n");
}

} // namespace
} // namespace pointsman
