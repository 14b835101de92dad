#include "controller/config/table_reader.hpp"

#include "controller/config/key_messages.hpp"
#include "controller/config/suggest.hpp"
#include "controller/config/usable_address.hpp"
#include "controller/config/well_formed.hpp"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <utility>

namespace pointsman {

Place place_of(toml::source_region const& region) {
    bool const one_line = region.end.line == region.begin.line && region.end.column > region.begin.column;
    return {std::max(region.begin.line, 1U), std::max(region.begin.column, 1U),
            one_line ? region.end.column - region.begin.column : 1};
}

std::string_view type_of(toml::node const& node) {
    switch (node.type()) {
    case toml::node_type::table: return "a table";
    case toml::node_type::array: return node.is_array_of_tables() ? "an array of tables" : "a list";
    case toml::node_type::string: return "a string";
    case toml::node_type::integer: return "an integer";
    case toml::node_type::floating_point: return "a floating-point number";
    case toml::node_type::boolean: return "a boolean";
    case toml::node_type::none: break;
    default: return "a date or time";
    }
    return "nothing";
}

TableReader::TableReader(toml::table const& table, TableSpec const& spec, std::string const& owner,
                         Problems& problems)
    : table_{&table}
    , spec_{&spec}
    , label_{spec.header}
    , problems_{&problems} {
    if (!owner.empty()) label_ += (spec.repeated ? " \"" : " of \"") + owner + "\"";
}

Place TableReader::key_at(std::string_view key) const {
    for (auto const& [each, node] : *table_)
        if (each.str() == key) return place_of(each.source());
    return place_of(table_->source());
}

void TableReader::warn_at(std::string_view key, std::string message, std::string hint) const {
    problems_->warning(key_at(key), std::move(message), std::move(hint));
}

void TableReader::error_at(std::string_view key, std::string message, std::string hint) const {
    auto const* node = table_->get(key);
    problems_->error(node == nullptr ? place_of(table_->source()) : place_of(node->source()),
                     std::move(message), std::move(hint));
}

void TableReader::check_keys() const {
    auto const subtables = subtables_of(spec_->path);
    for (auto const& [key, node] : *table_)
        if (find_key(*spec_, key.str()) == nullptr && std::ranges::count(subtables, key.str()) == 0)
            report_unknown(key);
    for (KeySpec const* key : keys_of(*spec_))
        if (key->required && !has(key->name))
            problems_->error(place_of(table_->source()),
                             "missing key `" + std::string{key->name} + "` in " + label_,
                             "add it: " + std::string{form_of(key->kind)});
}

void TableReader::report_unknown(toml::key const& key) const {
    problems_->error(place_of(key.source()), "unknown key `" + printable(key.str(), 64) + "` in " + label_,
                     hint_for_unknown(*spec_, key.str()));
}

void TableReader::report_wrong_type(KeySpec const& key, toml::node const& node) const {
    bool const is_element = is_list(key.kind) && table_->get(key.name) != &node;
    auto const noun = is_element ? element_noun(key.kind) : noun_of(key.kind);
    problems_->error(place_of(node.source()),
                     std::string{is_element ? "an element of " : ""} + "`" + std::string{key.name} +
                         "` must be " +
                         (key.kind == KeyKind::choice ? "one of " + range_text(key) : std::string{noun}) +
                         ", found " + std::string{type_of(node)},
                     "write " + std::string{form_of(key.kind)});
}

void TableReader::report_malformed(KeySpec const& key, std::string const& value, Place place) const {
    if (key.kind != KeyKind::choice) {
        problems_->error(place, assignment(key, value) + " is not " + std::string{element_noun(key.kind)},
                         "write " + std::string{form_of(key.kind)});
        return;
    }
    auto const suggestion = nearest(value, words_of(key.choices));
    problems_->error(place, assignment(key, value) + " is not one of " + range_text(key),
                     suggestion.empty() ? "" : "did you mean \"" + std::string{suggestion} + "\"?");
}

KeySpec const& TableReader::spec_of(std::string_view key) const {
    auto const* spec = find_key(*spec_, key);
    if (spec == nullptr) std::abort(); // a bug: the reader asks for what the schema lacks
    return *spec;
}

bool TableReader::is_acceptable(KeySpec const& key, std::string const& value, Place place) const {
    if (!is_well_formed(key, value)) {
        report_malformed(key, value, place);
        return false;
    }
    auto const is_prefix = key.kind == KeyKind::prefix_list;
    if (key.kind != KeyKind::address && key.kind != KeyKind::address_list && !is_prefix) return true;
    auto const flaw = flaw_of(is_prefix ? parse_prefix(value).value_or(Prefix{}).address
                                        : Address::parse(value).value_or(Address{}));
    if (flaw) problems_->error(place, assignment(key, value) + " is " + flaw->what, flaw->hint);
    return !flaw;
}

std::optional<std::string> TableReader::checked_text(KeySpec const& key, toml::node const& node) const {
    auto const* value = node.as_string();
    if (value == nullptr) {
        report_wrong_type(key, node);
        return std::nullopt;
    }
    if (!is_acceptable(key, value->get(), place_of(node.source()))) return std::nullopt;
    return value->get();
}

std::optional<std::string> TableReader::text(std::string_view key) const {
    auto const* node = table_->get(key);
    if (node == nullptr) return std::nullopt;
    return checked_text(spec_of(key), *node);
}

std::optional<std::int64_t> TableReader::checked_integer(KeySpec const& key, toml::node const& node) const {
    auto const* value = node.as_integer();
    if (value == nullptr) {
        report_wrong_type(key, node);
        return std::nullopt;
    }
    if (value->get() >= key.smallest && value->get() <= key.largest) return value->get();
    if (key.smallest == key.largest) { // a key of text
        report_wrong_type(key, node);
        return std::nullopt;
    }
    problems_->error(place_of(node.source()),
                     "`" + std::string{key.name} + " = " + std::to_string(value->get()) + "` is out of range",
                     "from " + std::to_string(key.smallest) + " to " + std::to_string(key.largest));
    return std::nullopt;
}

std::optional<std::int64_t> TableReader::integer(std::string_view key) const {
    auto const* node = table_->get(key);
    if (node == nullptr) return std::nullopt;
    return checked_integer(spec_of(key), *node);
}

/// The good elements; an element that appears twice is reported.
std::vector<std::string> TableReader::list(std::string_view key) const {
    std::vector<std::string> values;
    auto const* node = table_->get(key);
    if (node == nullptr) return values;
    auto const& spec = spec_of(key);
    auto const* array = node->as_array();
    if (array == nullptr || array->empty()) {
        if (array == nullptr)
            report_wrong_type(spec, *node);
        else
            problems_->error(place_of(node->source()), "`" + std::string{key} + "` is empty",
                             "write " + std::string{form_of(spec.kind)});
        return values;
    }
    std::set<std::string> seen;
    for (toml::node const& element : *array) {
        auto const value = checked_text(spec, element);
        if (!value) continue;
        if (!seen.insert(*value).second)
            problems_->error(place_of(element.source()),
                             "`" + printable(*value) + "` appears twice in `" + std::string{key} + "`",
                             "remove one");
        values.push_back(*value);
    }
    return values;
}

} // namespace pointsman
