#include "controller/config/parse.hpp"
#include "controller/config/schema.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

namespace pointsman {
namespace {

std::string const source_dir = POINTSMAN_SOURCE_DIR;

std::string contents_of(std::string const& path) {
    std::ifstream in{path};
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

/// "service.check.path" for every key of a configuration file, commented out or not.
std::set<std::string> keys_shown_in(std::string const& path) {
    std::set<std::string> keys;
    std::istringstream lines{contents_of(path)};
    std::string table;
    for (std::string line; std::getline(lines, line);) {
        line.erase(0, line.find_first_not_of(" #"));
        auto const name_end = line.find_first_not_of("abcdefghijklmnopqrstuvwxyz_");
        if (line.starts_with('[')) {
            auto const first = line.find_first_not_of('[');
            table = line.substr(first, line.find(']') - first);
        } else if (name_end != std::string::npos && name_end > 0 &&
                   line.substr(name_end).starts_with(" = ")) {
            keys.insert(table + "." + line.substr(0, name_end));
        }
    }
    return keys;
}

/// Some valid value for a key that has no default.
std::string required_value(KeySpec const& key) {
    switch (key.kind) {
    case KeyKind::name: return "\"x\"";
    case KeyKind::address: return key.group == "service" ? "\"10.0.0.1\"" : "\"10.0.0.2\"";
    case KeyKind::interface_list: return "[\"eth0\"]";
    default: return "80";
    }
}

std::string file_with(bool defaults_written_out) {
    std::string text;
    for (TableSpec const& table : all_tables()) {
        text += std::string{table.header} + "\n";
        for (KeySpec const* key : keys_of(table)) {
            std::string const value = key->required ? required_value(*key) : std::string{key->fallback};
            bool const idle = key->kind == KeyKind::http_path || key->kind == KeyKind::status_list ||
                              key->name == "method" || key->name == "gue_port"; // warn where they do nothing
            if (key->required || (defaults_written_out && !value.empty() && !idle))
                text += std::string{key->name} + " = " + value + "\n";
        }
    }
    return text;
}

TEST(ConfigFiles, TheShippedFilesParseWithoutAnyRemark) {
    for (auto const* name : {"/conf/pointsman.toml", "/conf/minimal.toml"}) {
        auto const parsed = load_config(source_dir + name);
        EXPECT_EQ(render(parsed.diagnostics, parsed.text, false), "");
        EXPECT_TRUE(parsed.state);
    }
}

TEST(ConfigFiles, TheShippedFileShowsEveryKeyOfEveryTable) {
    auto const shown = keys_shown_in(source_dir + "/conf/pointsman.toml");
    for (TableSpec const& table : all_tables())
        for (KeySpec const* key : keys_of(table)) {
            auto const path = std::string{table.path} + "." + std::string{key->name};
            EXPECT_TRUE(shown.contains(path)) << path;
        }
}

TEST(ConfigFiles, TheManualStatesUnitValuesAndDefaultOfEveryKey) {
    auto const manual = contents_of(source_dir + "/docs/configuration.md");
    for (KeySpec const& key : all_keys()) {
        std::string row = "\n| `" + std::string{key.name} + "` | " + std::string{key.unit};
        row += (key.unit.empty() ? "| " : " | ") + range_text(key) + " | " + default_text(key) + " | ";
        EXPECT_NE(manual.find(row), std::string::npos) << row;
    }
}

TEST(ConfigFiles, EveryKeyHasAUniquePlaceAndADescription) {
    std::set<std::string> seen;
    for (TableSpec const& table : all_tables())
        for (KeySpec const* key : keys_of(table)) {
            EXPECT_TRUE(seen.insert(std::string{table.path} + "." + std::string{key->name}).second)
                << key->name;
            EXPECT_TRUE(key->doc.ends_with('.')) << key->name;
            EXPECT_NE(default_text(*key), "") << key->name;
        }
}

TEST(ConfigFiles, WritingTheDocumentedDefaultsOutChangesNothing) {
    auto const terse = parse_config(file_with(false), "terse");
    auto const full = parse_config(file_with(true), "full");
    EXPECT_EQ(render(full.diagnostics, full.text, false), "");
    ASSERT_TRUE(terse.state && full.state);
    EXPECT_EQ(*terse.state, *full.state);
}

} // namespace
} // namespace pointsman
