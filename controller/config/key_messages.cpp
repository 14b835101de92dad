#include "controller/config/key_messages.hpp"

#include "controller/config/diagnostic.hpp"
#include "controller/config/suggest.hpp"

#include <vector>

namespace pointsman {
namespace {

/// A table that has such a key, best one below the table in which it was written; null when there is none.
TableSpec const* home_of(std::string_view key, TableSpec const& written_in) {
    TableSpec const* home = nullptr;
    for (TableSpec const& table : all_tables()) {
        if (find_key(table, key) == nullptr) continue;
        if (table.path.starts_with(written_in.path)) return &table;
        if (home == nullptr) home = &table;
    }
    return home;
}

} // namespace

std::string assignment(KeySpec const& key, std::string_view value) {
    return "`" + std::string{key.name} + " = \"" + printable(value, 64) + "\"`";
}

std::string_view element_noun(KeyKind kind) {
    if (kind == KeyKind::interface_list) return "an interface name";
    if (kind == KeyKind::prefix_list) return "an address prefix without host bits";
    if (kind == KeyKind::http_headers) return "the value of an HTTP header";
    if (kind == KeyKind::command) return "a word of a command";
    return kind == KeyKind::address_list ? noun_of(KeyKind::address) : noun_of(kind);
}

std::string hint_for_unknown(TableSpec const& table, std::string_view key) {
    std::vector<std::string_view> candidates = subtables_of(table.path);
    for (KeySpec const* each : keys_of(table))
        candidates.push_back(each->name);
    auto const suggestion = nearest(key, candidates);
    if (!suggestion.empty()) return "did you mean `" + std::string{suggestion} + "`?";
    auto const* home = home_of(key, table);
    return home == nullptr ? "" : "`" + std::string{key} + "` belongs in " + std::string{home->header};
}

} // namespace pointsman
