// What must hold of the source itself: who may include whom, and what every file looks like.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

namespace pointsman {
namespace {

namespace fs = std::filesystem;

fs::path const root = POINTSMAN_SOURCE_DIR;

std::string contents_of(fs::path const& path) {
    std::stringstream text;
    text << std::ifstream{path}.rdbuf();
    return text.str();
}

/// Files below a folder of the project, by their path in it.
std::vector<std::string> files_in(std::string const& folder, std::set<std::string> const& endings) {
    std::vector<std::string> files;
    for (auto const& entry : fs::recursive_directory_iterator{root / folder})
        if (entry.is_regular_file() && endings.contains(entry.path().extension()))
            files.push_back(fs::relative(entry.path(), root));
    std::ranges::sort(files);
    return files;
}

std::vector<std::string> product_files() {
    std::vector<std::string> files;
    for (char const* folder : {"controller", "healthcheck"})
        for (auto& file : files_in(folder, {".hpp", ".cpp"}))
            files.push_back(std::move(file));
    return files;
}

/// What stands between the quotes or brackets of each #include.
std::vector<std::string> includes_of(std::string const& file) {
    std::vector<std::string> includes;
    std::istringstream lines{contents_of(root / file)};
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with("#include")) continue;
        auto const first = line.find_first_of("\"<") + 1;
        includes.push_back(line.substr(first, line.find_first_of("\">", first) - first));
    }
    return includes;
}

std::string folder_of(std::string const& path) {
    return path.substr(0, path.rfind('/'));
}

/// One line for each include that `is_wrong`.
template<typename IsWrong>
std::string wrong_includes(IsWrong is_wrong) {
    std::string wrong;
    for (auto const& file : product_files())
        for (auto const& include : includes_of(file))
            if (is_wrong(file, include)) wrong.append(file).append(" includes ").append(include).append("\n");
    return wrong;
}

TEST(RepositoryLayers, EachFolderIncludesOnlyWhatIsBelowIt) {
    std::map<std::string, std::set<std::string>> const may_include{
        {"controller/model", {}},
        {"controller/config", {"controller/model"}},
        {"controller/plan", {"controller/model"}},
        {"healthcheck", {"controller/model"}},
        {"controller/datapath", {"controller/model"}},
        {"controller/api", {"controller/model"}},
        {"controller/app",
         {"controller/model", "controller/config", "controller/plan", "healthcheck", "controller/datapath",
          "controller/api"}},
        {"controller/cli",
         {"controller/model", "controller/config", "controller/datapath", "controller/api",
          "controller/app"}},
    };
    EXPECT_EQ(wrong_includes([&](std::string const& file, std::string const& include) {
                  auto const ours = include.starts_with("controller/") || include.starts_with("healthcheck/");
                  auto const from = may_include.find(folder_of(file));
                  if (!ours || from == may_include.end()) return ours && file != "controller/main.cpp";
                  return folder_of(include) != from->first && !from->second.contains(folder_of(include));
              }),
              "");
}

TEST(RepositoryLayers, OnlyTheDatapathKnowsTheKernel) {
    EXPECT_EQ(wrong_includes([](std::string const& file, std::string const& include) {
                  return include.starts_with("bpf/") && folder_of(file) != "controller/datapath";
              }),
              "");
}

TEST(RepositoryLayers, TheSharedHeadersComeInThroughOneDoor) {
    EXPECT_EQ(wrong_includes([](std::string const& file, std::string const& include) {
                  return include.starts_with("bpf/") && include.ends_with(".h") &&
                         !include.ends_with(".skel.h") && include != "bpf/bpf.h" &&
                         include != "bpf/libbpf.h" && file != "controller/datapath/abi.hpp";
              }),
              "");
}

TEST(RepositoryLayers, BeastIsCompiledOnlyWhereHttpIsSpoken) {
    std::set<std::string> const speak_http{"controller/api/http_server.cpp",
                                           "controller/cli/control_client.cpp", "healthcheck/probe_http.cpp",
                                           "controller/boost_separate.cpp"};
    EXPECT_EQ(wrong_includes([&](std::string const& file, std::string const& include) {
                  return include.starts_with("boost/beast") && !speak_http.contains(file);
              }),
              "");
}

TEST(RepositoryLayers, AHeaderOfOursIsNamedByItsWholePath) {
    EXPECT_EQ(wrong_includes([](std::string const&, std::string const& include) {
                  return include.ends_with(".hpp") && !fs::exists(root / include) &&
                         include.find('/') == std::string::npos;
              }),
              "");
}

std::vector<std::string> all_sources() {
    auto files = product_files();
    for (char const* folder : {"bpf", "tests", "conf"})
        for (auto& file : files_in(folder, {".h", ".c", ".hpp", ".cpp", ".py", ".sh", ".toml", ".txt"}))
            files.push_back(std::move(file));
    return files;
}

TEST(RepositoryFiles, NoSourceIsTooLongToRead) {
    for (auto const& file : all_sources())
        EXPECT_LE(std::ranges::count(contents_of(root / file), '\n'), 400) << file;
}

TEST(RepositoryFiles, NothingIsLeftForLater) {
    std::regex const reminder{R"(\b(T[O]DO|F[I]XME|X[X]X)\b)"}; // does not match itself
    for (auto const& file : all_sources()) {
        std::istringstream lines{contents_of(root / file)};
        for (std::string line; std::getline(lines, line);)
            EXPECT_FALSE(std::regex_search(line, reminder)) << file << ": " << line;
    }
}

TEST(RepositoryFiles, EveryTextEndsWithANewlineAndHasNoTrailingBlanks) {
    for (auto const& file : all_sources()) {
        auto const text = contents_of(root / file);
        EXPECT_TRUE(text.empty() || text.ends_with('\n')) << file;
        EXPECT_EQ(text.find(" \n"), std::string::npos) << file;
    }
}

} // namespace
} // namespace pointsman
