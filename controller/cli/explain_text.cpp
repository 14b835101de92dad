#include "controller/cli/explain_text.hpp"

#include "controller/app/manual.hpp"
#include "controller/cli/answers.hpp"
#include "controller/cli/terminal.hpp"
#include "controller/config/schema.hpp"
#include "controller/config/suggest.hpp"
#include "controller/datapath/verdicts.hpp"

namespace json = boost::json;

namespace pointsman {
namespace {

constexpr std::size_t page_width = 100;

std::string path_of(TableSpec const& table, KeySpec const& key) {
    return std::string{table.path} + "." + std::string{key.name};
}

json::object key_json(TableSpec const& table, KeySpec const& key) {
    json::object out{{"kind", "key"},
                     {"name", path_of(table, key)},
                     {"table", table.header},
                     {"type", noun_of(key.kind)},
                     {"range", range_text(key)},
                     {"default", default_text(key)},
                     {"required", key.required},
                     {"meaning", key.doc}};
    if (!key.unit.empty()) out["unit"] = key.unit;
    return out;
}

void add_keys(std::string_view word, json::array& out) {
    for (auto const& table : all_tables())
        for (auto const* key : keys_of(table))
            if (word == key->name || word == path_of(table, *key)) out.push_back(key_json(table, *key));
}

void add_verdict(std::string_view word, json::array& out) {
    auto const manual = explain_verdict(word);
    if (!manual) return;
    out.push_back(json::object{{"kind", "verdict"},
                               {"name", word},
                               {"meaning", manual->meaning},
                               {"remedy", json::array(manual->remedy.begin(), manual->remedy.end())}});
}

void add_because(std::string_view word, json::array& out) {
    if (auto const meaning = explain_because(word))
        out.push_back(json::object{{"kind", "because"}, {"name", word}, {"meaning", *meaning}});
}

std::string key_text(json::object const& key) {
    std::vector<std::vector<std::string>> rows{{"  table", field(key, "table")},
                                               {"  type", field(key, "type")},
                                               {"  range", field(key, "range")},
                                               {"  default", field(key, "default")}};
    if (auto const unit = field(key, "unit"); !unit.empty()) rows.push_back({"  unit", unit});
    return align(rows);
}

} // namespace

json::array explain_word(std::string_view word) {
    json::array out;
    add_keys(word, out);
    add_verdict(word, out);
    add_because(word, out);
    return out;
}

std::string explain_text(json::array const& entries) {
    std::string out;
    for (auto const& value : entries) {
        auto const& entry = value.as_object();
        out += (out.empty() ? "" : "\n") + field(entry, "name") + "  (" + field(entry, "kind") + ")\n" +
               wrap(field(entry, "meaning"), page_width, 2);
        if (field(entry, "kind") == "key") out += key_text(entry);
        if (auto const* remedy = entry.if_contains("remedy"))
            for (auto const& paragraph : remedy->as_array())
                out += wrap(std::string_view{paragraph.as_string()}, page_width, 2);
    }
    return out;
}

std::string similar_words(std::string_view word) {
    std::vector<std::string> paths;
    for (auto const& table : all_tables())
        for (auto const* key : keys_of(table))
            paths.push_back(path_of(table, *key));
    std::vector<std::string_view> known{paths.begin(), paths.end()};
    for (auto const& key : all_keys())
        known.push_back(key.name);
    for (auto const& verdict : verdict_names())
        known.push_back(verdict.name);
    auto const near = nearest(word, known);
    return near.empty() ? "" : "; did you mean `" + std::string{near} + "`?";
}

} // namespace pointsman
