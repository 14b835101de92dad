// Every verdict of the shared header has a name in the daemon and a section in the manual.
#include "controller/datapath/abi.hpp"
#include "controller/datapath/verdicts.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

namespace pointsman {
namespace {

std::string contents_of(std::string const& path) {
    std::stringstream text;
    text << std::ifstream{std::string{POINTSMAN_SOURCE_DIR} + path}.rdbuf();
    return text.str();
}

/// "drop_malformed" by number, as bpf/abi_reports.h says.
std::map<std::uint32_t, std::string> verdicts_of_the_header() {
    auto const header = contents_of("/bpf/abi_reports.h");
    auto const first = header.find("enum pm_verdict {");
    auto const text = header.substr(first, header.find('}', first) - first);
    std::map<std::uint32_t, std::string> verdicts;
    std::regex const line{R"(PM_([A-Z0-9_]+) = (\d+))"};
    for (std::sregex_iterator match{text.begin(), text.end(), line}; match != std::sregex_iterator{};
         ++match) {
        auto name = (*match)[1].str();
        std::ranges::transform(name, name.begin(),
                               [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        if (name != "verdicts") verdicts[static_cast<std::uint32_t>(std::stoul((*match)[2].str()))] = name;
    }
    return verdicts;
}

TEST(RepositoryVerdicts, EveryVerdictOfTheHeaderHasItsNameInTheDaemon) {
    std::map<std::uint32_t, std::string> names;
    for (auto const& [number, name] : verdict_names())
        EXPECT_TRUE(names.emplace(number, name).second) << number << " has two names";
    EXPECT_EQ(names, verdicts_of_the_header());
}

TEST(RepositoryVerdicts, TheNamesAreInTheOrderOfTheirNumbersAndFitTheCounters) {
    EXPECT_TRUE(std::ranges::is_sorted(verdict_names(), {}, &VerdictName::number));
    EXPECT_LT(verdict_names().back().number, static_cast<std::uint32_t>(PM_VERDICTS));
}

TEST(RepositoryVerdicts, TheManualHasASectionForEachAndForNoOther) {
    std::set<std::string> expected;
    for (auto const& [number, name] : verdict_names())
        expected.emplace(name);
    std::set<std::string> found;
    std::istringstream lines{contents_of("/docs/verdicts.md")};
    for (std::string line; std::getline(lines, line);)
        if (std::regex_match(line, std::regex{"### (pass|forward|drop)_[a-z0-9_]+"}))
            found.insert(line.substr(4));
    EXPECT_EQ(found, expected);
}

} // namespace
} // namespace pointsman
