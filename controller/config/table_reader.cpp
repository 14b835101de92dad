#include "controller/config/table_reader.hpp"

#include "controller/config/check_values.hpp"
#include "controller/config/suggest.hpp"
#include "controller/config/usable_address.hpp"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <utility>

namespace pointsman {
namespace {

bool is_well_formed(KeySpec const& key, std::string_view value) {
    switch (key.kind) {
    case KeyKind::duration: return parse_duration(value).has_value();
    case KeyKind::choice: return std::ranges::count(words_of(key.choices), value) > 0;
    case KeyKind::name: return is_name(value);
    case KeyKind::path: return is_path(value);
    case KeyKind::socket_path: return is_socket_path(value);
    case KeyKind::endpoint: return is_endpoint(value);
    case KeyKind::interface_list: return is_interface_name(value);
    case KeyKind::address:
    case KeyKind::address_list: return Address::parse(value).has_value();
    case KeyKind::prefix_list: return parse_prefix(value).has_value();
    case KeyKind::port_range:
    case KeyKind::port_or_range: return parse_port_range(value).has_value();
    case KeyKind::hash_seed: return parse_hash_seed(value).has_value();
    case KeyKind::window: return parse_window(value).has_value();
    case KeyKind::http_path: return is_http_path(value);
    case KeyKind::http_host: return is_http_host(value);
    case KeyKind::status_list: return parse_status_list(value).has_value();
    case KeyKind::text: return !value.empty() && value.size() <= longest_check_text;
    case KeyKind::hex: return parse_octets(value).has_value();
    case KeyKind::regex: return !value.empty() && value.size() <= longest_check_regex;
    case KeyKind::tls_verify: return value == "full" || value == "none";
    case KeyKind::segment_size: return value == "auto" || value == "off";
    case KeyKind::http_headers: return is_header_value(value);
    case KeyKind::command: return !value.empty() && value.find('\0') == std::string_view::npos;
    case KeyKind::boolean:
    case KeyKind::integer: break;
    }
    return false;
}

/// key = "value", as it is quoted in messages.
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

std::string hint_for_unknown(TableSpec const& table, std::string_view key) {
    std::vector<std::string_view> candidates = subtables_of(table.path);
    for (KeySpec const* each : keys_of(table))
        candidates.push_back(each->name);
    auto const suggestion = nearest(key, candidates);
    if (!suggestion.empty()) return "did you mean `" + std::string{suggestion} + "`?";
    auto const* home = home_of(key, table);
    return home == nullptr ? "" : "`" + std::string{key} + "` belongs in " + std::string{home->header};
}

} // namespace

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

void TableReader::read(std::string_view key, bool& out) const {
    auto const* node = table_->get(key);
    if (node == nullptr) return;
    if (auto const* value = node->as_boolean())
        out = value->get();
    else
        report_wrong_type(spec_of(key), *node);
}

void TableReader::read(std::string_view key, std::string& out) const {
    if (auto value = text(key)) out = *std::move(value);
}

void TableReader::read(std::string_view key, Duration& out) const {
    auto const value = text(key);
    if (!value) return;
    auto const& spec = spec_of(key);
    auto const duration = parse_duration(*value).value_or(Duration{});
    if (duration.count() >= spec.smallest && duration.count() <= spec.largest) {
        out = duration;
        return;
    }
    problems_->error(place_of(table_->get(key)->source()), assignment(spec, *value) + " is out of range",
                     "from \"" + text_of(Duration{spec.smallest}) + "\" to \"" +
                         text_of(Duration{spec.largest}) + "\"");
}

void TableReader::read(std::string_view key, Address& out) const {
    if (auto const value = text(key)) out = Address::parse(*value).value_or(out);
}

void TableReader::read(std::string_view key, PortRange& out) const {
    if (auto const* node = table_->get(key); node != nullptr && node->is_integer()) {
        if (auto const port = integer(key))
            out = {static_cast<std::uint16_t>(*port), static_cast<std::uint16_t>(*port)};
    } else if (auto const value = text(key)) {
        out = parse_port_range(*value).value_or(out);
    }
}

void TableReader::read(std::string_view key, MssClamp& out) const {
    if (auto const* node = table_->get(key); node != nullptr && node->is_integer()) {
        if (auto const octets = integer(key)) out = MssClamp{static_cast<std::uint16_t>(*octets)};
    } else if (auto const value = text(key)) {
        out = *value == "auto" ? MssClamp::automatic : MssClamp::off;
    }
}

void TableReader::read(std::string_view key, HashSeed& out) const {
    if (auto const value = text(key)) out = parse_hash_seed(*value).value_or(out);
}

void TableReader::read(std::string_view key, std::optional<Window>& out) const {
    if (auto const value = text(key)) out = parse_window(*value);
}

void TableReader::read(std::string_view key, std::vector<StatusRange>& out) const {
    if (auto const value = text(key)) out = parse_status_list(*value).value_or(out);
}

void TableReader::read_words(std::string_view key, std::vector<std::string>& out) const {
    auto const* node = table_->get(key);
    if (node == nullptr) return;
    auto const& spec = spec_of(key);
    auto const* array = node->as_array();
    if (array == nullptr || array->empty()) return report_wrong_type(spec, *node);
    std::vector<std::string> words;
    for (toml::node const& element : *array)
        if (auto word = checked_text(spec, element)) words.push_back(*std::move(word));
    if (words.size() == array->size()) out = std::move(words);
}

void TableReader::read(std::string_view key, std::vector<Prefix>& out) const {
    for (auto const& text : list(key))
        if (auto const prefix = parse_prefix(text)) out.push_back(*prefix);
}

void TableReader::read(std::string_view key, std::vector<HttpField>& out) const {
    auto const* node = table_->get(key);
    if (node == nullptr) return;
    auto const& spec = spec_of(key);
    auto const* fields = node->as_table();
    if (fields == nullptr) return report_wrong_type(spec, *node);
    std::vector<HttpField> read;
    for (auto const& [name, value] : *fields) {
        bool const reserved = is_reserved_header(name.str());
        if (reserved || !is_header_name(name.str()))
            problems_->error(place_of(name.source()),
                             "`" + printable(name.str(), 64) + "` is " +
                                 (reserved ? "written by the probe itself" : "no name of an HTTP header"),
                             reserved ? "remove it; `host` sets the Host header"
                                      : "write letters, digits and -");
        else if (auto text = checked_text(spec, value))
            read.push_back({std::string{name.str()}, *std::move(text)});
    }
    out = std::move(read);
}

void TableReader::read(std::string_view key, std::vector<std::string>& out) const {
    if (auto values = list(key); !values.empty()) out = std::move(values);
}

void TableReader::read(std::string_view key, std::vector<Address>& out) const {
    std::vector<Address> addresses;
    for (std::string const& value : list(key))
        addresses.push_back(Address::parse(value).value_or(Address{}));
    if (!addresses.empty()) out = std::move(addresses);
}

} // namespace pointsman
