// What a value becomes, by the type of its target.
#include "controller/config/check_values.hpp"
#include "controller/config/key_messages.hpp"
#include "controller/config/table_reader.hpp"

#include <utility>

namespace pointsman {

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
